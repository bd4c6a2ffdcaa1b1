"""Tests of the plan of kills."""

import unittest

from testlab.lab.steps import kills


class PlanTest(unittest.TestCase):
    def test_a_seed_gives_the_same_kills_in_the_same_order(self):
        self.assertEqual(kills.plan(7), kills.plan(7))
        self.assertNotEqual(kills.plan(7), kills.plan(8))

    def test_agents_and_origins_are_killed_while_the_blob_comes(self):
        for seed in range(20):
            plan = kills.plan(seed)
            shares = [kill.share for kill in plan]
            self.assertEqual(shares, sorted(shares))
            self.assertGreater(shares[0], 0)
            self.assertLess(shares[-1], 0.95)
            origins = [kill for kill in plan if kill.agent is None]
            self.assertGreaterEqual(len(origins), 10)
            self.assertFalse(any(kill.at_once for kill in origins))
            # And the one whose client goes away.
            self.assertEqual(len(plan) + 1, 50)


if __name__ == "__main__":
    unittest.main()
