// What the overlay leaves out of gRPC's core, but its C++ layer refers to: the credentials of
// Google's own infrastructure (ALTS, and those found by Google's default rules, by service account
// or by an external account). Each yields no credentials, which a caller of the C++ layer sees as
// null, or, for a server, as a port that cannot be bound.

#include <grpc/grpc_security.h>

grpc_alts_credentials_options* grpc_alts_credentials_client_options_create(void) { return nullptr; }

grpc_alts_credentials_options* grpc_alts_credentials_server_options_create(void) { return nullptr; }

void grpc_alts_credentials_client_options_add_target_service_account(grpc_alts_credentials_options*,
                                                                     const char*) {}

void grpc_alts_credentials_options_destroy(grpc_alts_credentials_options*) {}

grpc_channel_credentials* grpc_alts_credentials_create(const grpc_alts_credentials_options*) {
  return nullptr;
}

grpc_server_credentials* grpc_alts_server_credentials_create(const grpc_alts_credentials_options*) {
  return nullptr;
}

grpc_call_credentials* grpc_external_account_credentials_create(const char*, const char*) {
  return nullptr;
}

grpc_channel_credentials* grpc_google_default_credentials_create(grpc_call_credentials*) {
  return nullptr;
}

grpc_call_credentials* grpc_service_account_jwt_access_credentials_create(const char*, gpr_timespec,
                                                                          void*) {
  return nullptr;
}
