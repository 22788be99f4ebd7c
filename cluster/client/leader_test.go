package client

import (
	"errors"
	"fmt"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// leaseStore answers requests for one lease, with optimistic concurrency.
type leaseStore struct {
	lease   *coordinationv1.Lease
	version int
	writes  int
	down    bool
}

func (s *leaseStore) answer(r *api.Request) (*api.Response, error) {
	resource := api.Leases.GroupResource()
	switch {
	case s.down:
		return nil, apierrors.NewInternalError(errors.New("down"))
	case r.Verb == api.VerbGet && s.lease == nil:
		return nil, apierrors.NewNotFound(resource, r.Name)
	case r.Verb == api.VerbGet:
		return &api.Response{Object: s.lease}, nil
	case r.Verb == api.VerbCreate && s.lease != nil:
		return nil, apierrors.NewAlreadyExists(resource, r.Name)
	case r.Verb == api.VerbUpdate && r.Object.GetResourceVersion() != s.lease.ResourceVersion:
		return nil, apierrors.NewConflict(resource, r.Name, errors.New("changed"))
	}
	s.version++
	s.writes++
	s.lease = r.Object.(*coordinationv1.Lease).DeepCopy()
	s.lease.ResourceVersion = fmt.Sprint(s.version)
	return &api.Response{Object: s.lease}, nil
}

// candidates are replicas of a component, each on a machine of its own.
type candidates struct {
	*world
	store     leaseStore
	elections []*LeaderElection
	processes []*host.Process
	leading   []bool // by candidate
	log       []string
}

func elect(t *testing.T, n int, change func(i int, c *LeaderConfig)) *candidates {
	return electIn(t, sim.Benchmark, n, change)
}

func electIn(t *testing.T, mode sim.Mode, n int, change func(i int, c *LeaderConfig)) *candidates {
	c := &candidates{elections: make([]*LeaderElection, n), leading: make([]bool, n)}
	c.world = newWorldIn(t, mode, &fakeServer{unary: c.store.answer}, func(*world, *host.Process) {})
	for i := range n {
		m := host.NewMachine(c.s, host.Config{Name: fmt.Sprint("m", i), Zone: "a"})
		c.processes = append(c.processes, m.Spawn("candidate", func(p *host.Process) { c.start(t, i, p, change) }))
	}
	return c
}

func (c *candidates) start(t *testing.T, i int, p *host.Process, change func(int, *LeaderConfig)) {
	c.leading[i] = false // A new incarnation knows nothing of its predecessor's lead.
	say := func(what string) { c.log = append(c.log, fmt.Sprintf("%d %s", i, what)) }
	config := LeaderConfig{
		Namespace: "kube-system", Name: "kube-controller-manager",
		Identity: fmt.Sprintf("m%d_%d", i, p.Incarnation()),
		OnStartedLeading: func() {
			for j, other := range c.leading {
				if other && c.processes[j].IsUp() {
					t.Errorf("%d leads while %d does", i, j)
				}
			}
			c.leading[i] = true
			say("leads")
		},
		OnStoppedLeading: func() {
			c.leading[i] = false
			say("stops")
		},
	}
	change(i, &config)
	c.elections[i] = RunLeaderElection(p, c.client(p, Config{Timeout: 5 * time.Second}), config)
}

func asIs(int, *LeaderConfig) {}

func TestOneCandidateLeadsAndRenews(t *testing.T) {
	c := elect(t, 3, asIs)
	c.run(t, time.Minute)
	leaders := 0
	for _, e := range c.elections {
		if e.IsLeader() {
			leaders++
		}
		if e.Leader() != c.elections[0].Leader() {
			t.Errorf("%s or %s", e.Leader(), c.elections[0].Leader())
		}
	}
	if leaders != 1 || len(c.log) != 1 {
		t.Fatalf("%d leaders, %q", leaders, c.log)
	}
	spec := c.store.lease.Spec
	if *spec.LeaseDurationSeconds != 15 || *spec.LeaseTransitions != 0 || *spec.HolderIdentity != c.elections[0].Leader() {
		t.Errorf("%+v", spec)
	}
	if c.store.writes < 28 || c.store.writes > 31 {
		t.Errorf("%d renewals in a minute", c.store.writes)
	}
	if age := c.s.Start().Add(time.Minute).Sub(spec.RenewTime.Time); age > 2100*time.Millisecond {
		t.Errorf("last renewed %v ago", age)
	}
	if n := spec.RenewTime.Nanosecond() % 1000; n != 0 {
		t.Errorf("renewTime is finer than it can be stored: %v", spec.RenewTime)
	}
}

func (c *candidates) leader(t *testing.T) int {
	t.Helper()
	for i, e := range c.elections {
		if e.IsLeader() {
			return i
		}
	}
	t.Fatal("nobody leads")
	return -1
}

func TestAnotherTakesOverALeaseDurationAfterTheLeaderDied(t *testing.T) {
	c := elect(t, 3, asIs)
	c.run(t, time.Minute)
	first := c.leader(t)
	c.processes[first].Machine().Crash()
	c.elections[first] = &LeaderElection{over: true}
	c.run(t, time.Minute+14*time.Second)
	for i, e := range c.elections {
		if i != first && e.IsLeader() {
			t.Error("taken over before the lease had run out")
		}
	}
	c.run(t, time.Minute+20*time.Second) // 15 s since the last renewal seen, and up to 4.4 s to the next try
	second := c.leader(t)
	if second == first || *c.store.lease.Spec.LeaseTransitions != 1 {
		t.Errorf("leader %d after %d, %d transitions", second, first, *c.store.lease.Spec.LeaseTransitions)
	}
}

func TestALeaderThatCannotRenewStopsBeforeAnotherStarts(t *testing.T) {
	c := elect(t, 2, asIs)
	c.run(t, time.Minute)
	first := c.leader(t)
	c.network.Partition([]string{fmt.Sprint("m", first)}, []string{"cp-1"}, network.Both)
	c.run(t, time.Minute+13*time.Second)
	if c.leading[first] {
		t.Error("still leads 10 s after its last renewal")
	}
	c.run(t, 2*time.Minute)
	if second := c.leader(t); second == first {
		t.Error("leads from behind a partition")
	}
}

func TestALeaderSurvivesAServerThatIsDownForLessThanItsDeadline(t *testing.T) {
	c := elect(t, 2, asIs)
	c.run(t, time.Minute)
	first := c.leader(t)
	c.store.down = true
	c.run(t, time.Minute+8*time.Second)
	c.store.down = false
	c.run(t, 2*time.Minute)
	if c.leader(t) != first || len(c.log) != 1 {
		t.Errorf("leader %d, %q", c.leader(t), c.log)
	}
}

func TestAReleasedLeaseIsTakenAtTheNextTry(t *testing.T) {
	c := elect(t, 2, func(_ int, c *LeaderConfig) { c.ReleaseOnCancel = true })
	c.run(t, time.Minute)
	first := c.leader(t)
	c.s.After(0, c.elections[first].Stop)
	c.run(t, time.Minute+5*time.Second)
	if second := c.leader(t); second == first {
		t.Error("still leads")
	}
	if spec := c.store.lease.Spec; *spec.LeaseTransitions != 1 || *spec.LeaseDurationSeconds != 15 {
		t.Errorf("%+v", spec)
	}
}

func TestCandidatesDoNotTrustClocks(t *testing.T) {
	c := elect(t, 2, asIs)
	for i, p := range c.processes {
		p.Machine().Clock().SetOffset(time.Duration(i*2-1) * time.Hour)
	}
	c.run(t, 5*time.Minute)
	if len(c.log) != 1 {
		t.Errorf("%q", c.log)
	}
}

func TestElectionTellsOfNewLeaders(t *testing.T) {
	var seen []string
	c := elect(t, 2, func(i int, c *LeaderConfig) {
		if i == 1 {
			c.OnNewLeader = func(id string) { seen = append(seen, id) }
		}
	})
	c.run(t, time.Minute)
	if len(seen) != 1 || seen[0] != c.elections[0].Leader() {
		t.Errorf("%q", seen)
	}
}

func TestElectionRefusesTimesThatCannotWork(t *testing.T) {
	onHost(t, time.Second, func(s *sim.Simulation, p *host.Process) {
		defer func() {
			if recover() == nil {
				t.Error("a renew deadline as long as the lease")
			}
		}()
		RunLeaderElection(p, nil, LeaderConfig{Identity: "x", LeaseDuration: time.Second, RenewDeadline: time.Second})
	})
}
