package etcd

import (
	"errors"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim/network"
)

func TestMembershipChanges(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.put("a", "1")
	list := func(ask func(done func(*MemberListResponse, error))) []Peer {
		t.Helper()
		r, err := do(w, ask)
		if err != nil {
			t.Fatal(err)
		}
		return r.Members
	}
	newcomer := w.peer(3)
	newcomer.Learner = true
	members := list(func(done func(*MemberListResponse, error)) { w.client.MemberAdd(newcomer, done) })
	if len(members) != 4 {
		t.Fatalf("members %+v", members)
	}
	if _, err := do(w, func(done func(*MemberListResponse, error)) { w.client.MemberPromote(memberID("m3"), done) }); !errors.Is(err, ErrLearnerNotReady) {
		t.Fatalf("promoting a learner that has not started: %v", err)
	}
	w.addMember(newcomer, members, true)
	w.await(10*time.Second, "the learner has everything", w.converged)
	list(func(done func(*MemberListResponse, error)) { w.client.MemberPromote(memberID("m3"), done) })
	w.run(time.Second)
	// A member goes for good and another one takes its place; with four voters three are needed.
	victim := (w.leader() + 1) % 3
	w.machines[victim].Crash()
	w.run(10 * time.Second)
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[w.awaitLeader()].ClientAddress})
	members = list(func(done func(*MemberListResponse, error)) {
		w.client.MemberRemove(memberID(w.configs[victim].Name), done)
	})
	if len(members) != 3 {
		t.Fatalf("members %+v", members)
	}
	w.put("a", "2")
	w.members[victim] = w.members[3] // For convergence only those that belong count.
	w.await(10*time.Second, "the members have applied the same", w.converged)
	if w.value("a") != "2" {
		t.Fatal("the put after the change is lost")
	}
}

func TestRemovedMemberLeaves(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(time.Second)
	out := (leader + 1) % 3
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[leader].ClientAddress})
	if _, err := do(w, func(done func(*MemberListResponse, error)) {
		w.client.MemberRemove(memberID(w.configs[out].Name), done)
	}); err != nil {
		t.Fatal(err)
	}
	w.run(5 * time.Second)
	if len(w.exits) != 1 || !errors.Is(w.exits[0], ErrRemoved) {
		t.Fatalf("exits %v", w.exits)
	}
	w.put("a", "1")
}

func TestStrictReconfigurationCheck(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.machines[(leader+1)%3].Crash()
	w.run(10 * time.Second)
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[w.awaitLeader()].ClientAddress})
	_, err := do(w, func(done func(*MemberListResponse, error)) {
		w.client.MemberRemove(memberID(w.configs[(leader+2)%3].Name), done)
	})
	if !errors.Is(err, ErrUnhealthy) {
		t.Fatalf("removing one of two living members of three: %v", err)
	}
	_, err = do(w, func(done func(*MemberListResponse, error)) { w.client.MemberAdd(w.peer(3), done) })
	if !errors.Is(err, ErrUnhealthy) {
		t.Fatalf("adding a voter while one of three is down: %v", err)
	}
}

func TestMoveLeader(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(time.Second)
	target := (leader + 1) % 3
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[leader].ClientAddress})
	if _, err := do(w, func(done func(*struct{}, error)) {
		w.client.MoveLeader(w.members[target].ID(), func(err error) { done(nil, err) })
	}); err != nil {
		t.Fatal(err)
	}
	w.await(time.Second, "the target leads", func() bool { return w.leader() == target && !w.members[leader].IsLeader() })
	w.put("a", "1")
}

func TestShutdownHandsTheLeadershipOver(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(3 * time.Second)
	w.processes[leader].Do(func() { w.members[leader].Shutdown(nil) })
	w.run(300 * time.Millisecond)
	if now := w.leader(); now < 0 || now == leader || w.processes[leader].IsUp() {
		t.Fatalf("after 300 ms member %d leads, the old leader is up: %v", now, w.processes[leader].IsUp())
	}
	w.put("a", "1")
}
