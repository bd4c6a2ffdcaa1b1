// Linked statically: nothing to export. (Upstream's build generates this file.)
#pragma once
#define PROMETHEUS_CPP_CORE_EXPORT
