package fault

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/wal"
	"github.com/fauxkube/fauxkube/sim"
)

// newStore is a store of three members, alone, with some history.
func newStore(t *testing.T) *world {
	t.Helper()
	s := sim.New(sim.Config{Seed: 1, NoWatchdog: true})
	t.Cleanup(s.Close)
	c, err := cluster.New(s, cluster.Topology{ControlPlane: cluster.ControlPlane{StoreOnly: true, SnapshotEntries: 10}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, &World{Simulation: s, Cluster: c}}
	w.run(10 * time.Second)
	w.puts(25)
	return w
}

func (w *world) puts(n int) {
	w.t.Helper()
	for range n {
		w.Cluster.Operator().Do(func() {
			w.Cluster.Etcdctl().Put(&etcd.PutRequest{Key: "a", Value: etcd.Bytes("x")}, func(*etcd.PutResponse, error) {})
		})
		w.run(50 * time.Millisecond)
	}
}

func (w *world) injectStore(document string) *Injected {
	w.t.Helper()
	f, err := parse(w.t, document)
	if err != nil {
		w.t.Fatal(err)
	}
	var done *Injected
	task := w.Cluster.Operator().Go("test", func(task *sim.Task) {
		if done, err = f.Inject(task, w.World, "step", ""); err != nil {
			w.t.Error(err)
		}
	})
	for range 600 {
		if w.run(100 * time.Millisecond); task.Ended() {
			return done
		}
	}
	w.t.Fatal("the task does not end")
	return nil
}

// equal reports whether all members serve and have applied the same.
func (w *world) equal() bool {
	for _, m := range w.Cluster.EtcdMembers() {
		if m == nil || !m.Serving() || m.AppliedIndex() != w.Cluster.Canonical().Index() {
			return false
		}
	}
	return true
}

// Each action does what it says, and the store is whole again after it has been lifted, or after the member has been
// replaced where that is what it takes.
func TestWhatHappensToMembers(t *testing.T) {
	const at = "selector: {nodes: [cp-1]}"
	for _, x := range []struct {
		action, more string
		// exits is why the member ends itself, if it does; replace says that only a new member helps.
		exits   string
		replace bool
	}{
		{action: "torn-write", more: at + ", duration: 10s"},
		{action: "torn-write", more: at},
		{action: "lost-fsync", more: at + ", duration: 5s"},
		{action: "disk-full", more: at + ", duration: 10s", exits: "no space left on device"},
		{action: "slow-fsync", more: at + ", delay: 100ms, duration: 10s"},
		{action: "disk-stall", more: at + ", duration: 10s"},
		{action: "clock-skew", more: at + ", driftPPM: 50000, duration: 10s"},
		{action: "compact", more: "x"},
		{action: "bit-rot", more: at, exits: wal.ErrDamaged.Error(), replace: true},
		{action: "disk-loss", more: at, exits: etcd.ErrBootstrapped.Error(), replace: true},
		{action: "member-replace", more: at},
	} {
		t.Run(x.action, func(t *testing.T) {
			w := newStore(t)
			spec := "{action: " + x.action + ", " + x.more + "}"
			if x.action == "compact" {
				spec = "{action: compact}"
			}
			done := w.injectStore("kind: EtcdChaos\nspec: " + spec)
			if len(done.Victims) != 1 {
				t.Fatalf("hit %v", done.Victims)
			}
			w.puts(20)
			w.run(12 * time.Second)
			done.Lift()
			w.run(40 * time.Second)
			if x.replace {
				if w.equal() {
					t.Fatalf("%v, and nobody noticed", done.Victims)
				}
				w.injectStore("kind: EtcdChaos\nspec: {action: member-replace, " + at + "}")
			}
			w.puts(20)
			w.run(20 * time.Second)
			if failures := w.Cluster.MemberFailures(); x.exits == "" && len(failures) > 0 || x.exits != "" && (len(failures) == 0 || !strings.Contains(failures[0].Err.Error(), x.exits)) {
				t.Errorf("ended themselves: %v, want %q", failures, x.exits)
			}
			if !w.equal() {
				t.Errorf("after %v the members are not equal", done.Victims)
			}
		})
	}
}

func TestMemberReplaceNeedsTheOthers(t *testing.T) {
	w := newStore(t)
	for i := range 2 {
		w.Cluster.ControlPlane()[i].Crash()
	}
	f, err := parse(t, "kind: EtcdChaos\nspec: {action: member-replace, selector: {nodes: [cp-2]}}")
	if err != nil {
		t.Fatal(err)
	}
	err = nil
	w.Cluster.Operator().Go("test", func(task *sim.Task) { _, err = f.Inject(task, w.World, "step", "") })
	w.run(20 * time.Minute)
	if err == nil || errors.Is(err, sim.ErrTimeout) {
		t.Fatalf("replacing a member without a majority: %v", err)
	}
}
