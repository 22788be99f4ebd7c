package nodeipam

import (
	"errors"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestRangesAreHandedOutInOrderAndUsedAgainLast(t *testing.T) {
	s := newCIDRSet(netip.MustParsePrefix("10.128.0.0/22"), 24)
	next := func() string {
		p, err := s.allocate()
		if err != nil {
			return err.Error()
		}
		return p.String()
	}
	for _, want := range []string{"10.128.0.0/24", "10.128.1.0/24"} {
		if got := next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	s.release(netip.MustParsePrefix("10.128.0.0/24"))
	for _, want := range []string{"10.128.2.0/24", "10.128.3.0/24", "10.128.0.0/24", errFull.Error()} {
		if got := next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNoRangeIsHandedOutTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newCIDRSet(netip.MustParsePrefix("10.0.0.0/27"), 30)
		taken := map[netip.Prefix]bool{}
		for range 60 {
			switch p := s.at(rapid.IntRange(0, 7).Draw(t, "which")); rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				got, err := s.allocate()
				if err != nil {
					if !errors.Is(err, errFull) || len(taken) != 8 {
						t.Fatalf("%d of 8 are taken: %v", len(taken), err)
					}
					continue
				}
				if taken[got] {
					t.Fatalf("%s is taken", got)
				}
				taken[got] = true
			case 1:
				s.release(p)
				delete(taken, p)
			case 2:
				s.occupy(p)
				taken[p] = true
			}
			if s.used != len(taken) {
				t.Fatalf("%d are used, %d are taken", s.used, len(taken))
			}
		}
	})
}

func TestForeignRangesAreIgnored(t *testing.T) {
	s := newCIDRSet(netip.MustParsePrefix("10.0.0.0/27"), 30)
	s.occupy(netip.MustParsePrefix("192.168.0.0/24"))
	s.occupy(netip.MustParsePrefix("fd00::/64"))
	if s.used != 0 {
		t.Errorf("%d are used", s.used)
	}
	s.occupy(netip.MustParsePrefix("10.0.0.8/29"))
	if s.used != 2 {
		t.Errorf("a larger range takes %d", s.used)
	}
	s.occupy(netip.MustParsePrefix("10.0.0.0/8"))
	if s.used != 8 {
		t.Errorf("one around the cluster's takes %d", s.used)
	}
}
