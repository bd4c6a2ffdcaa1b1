"""What changed with which version of Harbor."""

import typing


class Version(typing.NamedTuple):
    """As harbor_bridge/harbor/harbor_version.h has it, and what only a Harbor itself need know."""

    major: int
    minor: int

    def __str__(self):
        return f"{self.major}.{self.minor}"

    @property
    def stamp(self):
        """As `harbor_version` is told."""
        return f"v{self}.2-6e1d6a35"

    @property
    def has_api(self):
        """API v2.0, and a core that keeps tags in a database of its own."""
        return self >= (2, 0)

    @property
    def registry_has_tags(self):
        """From 2.15 on core sends manifests to the registry by digest only."""
        return self < (2, 15)

    @property
    def has_preheat(self):
        return self >= (2, 1)

    @property
    def has_cloud_events(self):
        """And the list of what was delivered."""
        return self >= (2, 8)

    @property
    def has_referrers(self):
        return self >= (2, 8)

    @property
    def robots_need_project_list(self):
        """Before, robots have no permissions of the system, and see their projects all the same."""
        return self >= (2, 10)

    @property
    def has_project_artifacts(self):
        return self >= (2, 12)

    @property
    def has_preheat_jobs(self):
        """The dragonfly driver speaks of jobs that can be asked after."""
        return self >= (2, 12)

    @property
    def keeps_preheat_credentials(self):
        """Before, every auth_mode but NONE fails (goharbor/harbor#21353)."""
        return self >= (2, 13)

    @property
    def tells_strangers_its_version(self):
        return self < (2, 15)


HARBOR_1_10 = Version(1, 10)
HARBOR_2_6 = Version(2, 6)
HARBOR_2_14 = Version(2, 14)
HARBOR_2_15 = Version(2, 15)
