#ifndef KRAKEN_RPC_CALLBACK_THREADS_H_
#define KRAKEN_RPC_CALLBACK_THREADS_H_

namespace kraken::rpc {

// gRPC's callback threads live as long as a channel or server that uses them. The last such channel
// can be dropped by a callback, for example as a cancelled stream ends; the thread then tries to
// join itself and frees the queue that it goes on to read. This keeps the threads until the process
// ends. Again: no effect. Thread-safe.
void KeepCallbackThreads();

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_CALLBACK_THREADS_H_
