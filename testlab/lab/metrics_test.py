"""Tests of reading Prometheus' text format."""

import unittest

from testlab.lab.metrics import Metrics

_TEXT = """# HELP kraken_swarm_received_bytes_total Payload received from peers, by what they are.
# TYPE kraken_swarm_received_bytes_total counter
kraken_swarm_received_bytes_total{component="agent",peer="origin"} 1e+06
kraken_swarm_received_bytes_total{component="agent",peer="agent"} 24
process_resident_memory_bytes 33554432 1700000000
odd{text="a \\"quoted\\" }{ one"} 3
"""


class MetricsTest(unittest.TestCase):
    def setUp(self):
        self.metrics = Metrics(_TEXT)

    def test_adds_up_over_labels(self):
        self.assertEqual(self.metrics.total("kraken_swarm_received_bytes_total"), 1000024)

    def test_selects_by_label(self):
        name = "kraken_swarm_received_bytes_total"
        self.assertEqual(self.metrics.total(name, peer="agent"), 24)

    def test_reads_samples_without_labels_and_with_times(self):
        self.assertEqual(self.metrics.total("process_resident_memory_bytes"), 33554432)

    def test_reads_braces_and_quotes_in_labels(self):
        self.assertEqual(self.metrics.total("odd", text='a \\"quoted\\" }{ one'), 3)

    def test_an_unknown_metric_is_an_error_not_zero(self):
        with self.assertRaises(KeyError):
            self.metrics.total("kraken_no_such_thing_total")


if __name__ == "__main__":
    unittest.main()
