// What ThreadSanitizer reports in every program with a contended absl::Mutex, though it is no race.
// ThreadSanitizer's run time calls it at the start.

extern "C" const char* __tsan_default_suppressions() {
  // Abseil hides its mutex from ThreadSanitizer and tells it of lock and unlock instead. GCC's
  // takes that for plain accesses only: the atomic that wakes a thread seems to race with the same
  // thread's initialization of it, which the hidden part orders.
  return "race:AbslInternalPerThreadSemPost\n";
}
