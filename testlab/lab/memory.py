"""Watches how much memory processes hold."""

import threading

_INTERVAL_S = 0.2


class MemoryWatch:
    """Asks the kernel for the peaks of processes, often enough for those that get killed."""

    def __init__(self):
        self._processes = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def add(self, process):
        with self._lock:
            self._processes.append(process)

    def _watch(self):
        while not self._ended.wait(_INTERVAL_S):
            with self._lock:
                watched = list(self._processes)
            for process in watched:
                if process.running:
                    process.measure_memory()

    def close(self):
        self._ended.set()
        self._thread.join()
