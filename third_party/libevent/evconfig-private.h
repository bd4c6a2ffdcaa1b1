// Feature-test macros for libevent's own sources on Linux with glibc.
#ifndef EVCONFIG_PRIVATE_H_INCLUDED_
#define EVCONFIG_PRIVATE_H_INCLUDED_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#endif  // EVCONFIG_PRIVATE_H_INCLUDED_
