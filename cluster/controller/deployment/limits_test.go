package deployment

import "testing"

func TestFencepostsRoundSurgeUpAndUnavailableDown(t *testing.T) {
	for _, c := range []struct {
		size               int32
		surge, unavailable string
		wantSurge, wantUn  int32
	}{
		{10, "25%", "25%", 3, 2},
		{4, "25%", "25%", 1, 1},
		{1, "25%", "25%", 1, 0},
		{2, "0%", "1%", 0, 1}, // both would be 0: one may be missing
		{1, "0%", "1%", 0, 1},
		{2, "1%", "25%", 1, 0},
		{10, "3", "2", 3, 2},
		{3, "100%", "0", 3, 0},
		{3, "0", "10", 0, 3}, // never more than there are
		{0, "25%", "25%", 0, 0},
	} {
		d := deploy(c.size, c.surge, c.unavailable, "a")
		if s, u := maxSurge(d), maxUnavailable(d); s != c.wantSurge || u != c.wantUn {
			t.Errorf("%d replicas, maxSurge %s, maxUnavailable %s: got %d and %d, want %d and %d",
				c.size, c.surge, c.unavailable, s, u, c.wantSurge, c.wantUn)
		}
	}
}

func TestRecreateHasNoFenceposts(t *testing.T) {
	d := deploy(5, "25%", "25%", "a")
	d.Spec.Strategy.Type = "Recreate"
	if maxSurge(d) != 0 || maxUnavailable(d) != 0 {
		t.Errorf("surge %d, unavailable %d", maxSurge(d), maxUnavailable(d))
	}
}
