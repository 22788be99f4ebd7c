package etcd

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim/network"
)

func TestMembershipChanges(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.run(healthInterval)
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
	w.run(time.Second + healthInterval)
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

// at makes the client talk to some members only.
func (w *world) at(members ...int) {
	var addresses []network.Address
	for _, i := range members {
		addresses = append(addresses, w.configs[i].ClientAddress)
	}
	w.client = NewClient(w.desk, w.network, addresses)
}

func (w *world) memberAdd(p Peer) error {
	w.t.Helper()
	_, err := do(w, func(done func(*MemberListResponse, error)) { w.client.MemberAdd(p, done) })
	return err
}

func (w *world) memberRemove(id uint64) error {
	w.t.Helper()
	_, err := do(w, func(done func(*MemberListResponse, error)) { w.client.MemberRemove(id, done) })
	return err
}

func (w *world) memberPromote(id uint64) error {
	w.t.Helper()
	_, err := do(w, func(done func(*MemberListResponse, error)) { w.client.MemberPromote(id, done) })
	return err
}

// A change is refused where the living members would be too few after it, counting a newcomer as down.
func TestStrictReconfigurationCheck(t *testing.T) {
	tests := []struct {
		size, down  int
		add, remove error // Adding a voter; removing a voter that lives.
	}{
		{1, 0, nil, nil},
		{3, 0, nil, nil},
		{3, 1, ErrUnhealthy, ErrUnhealthy},
		{4, 0, nil, nil},
		{4, 1, nil, nil},
		{5, 1, nil, nil},
		{5, 2, ErrUnhealthy, ErrUnhealthy},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d of %d down", test.down, test.size), func(t *testing.T) {
			ask := func(change func(w *world) error) error {
				w := newWorld(t, 1, test.size)
				defer w.close()
				leader := w.awaitLeader()
				for i := range test.down {
					w.machines[(leader+1+i)%test.size].Crash()
				}
				w.run(10 * time.Second)
				w.at(leader)
				return change(w)
			}
			voter := func(w *world) error { return w.memberAdd(w.peer(9)) }
			learner := func(w *world) error {
				p := w.peer(9)
				p.Learner = true
				return w.memberAdd(p)
			}
			remove := func(w *world) error {
				return w.memberRemove(memberID(w.configs[(w.leader()+test.down+1)%test.size].Name))
			}
			if err := ask(learner); !errors.Is(err, test.add) {
				t.Errorf("adding a learner: %v instead of %v", err, test.add)
			}
			if test.size > 1 { // With two voters of which one has not started nothing is agreed on any more.
				if err := ask(voter); !errors.Is(err, test.add) {
					t.Errorf("adding a voter: %v instead of %v", err, test.add)
				}
				if err := ask(remove); !errors.Is(err, test.remove) {
					t.Errorf("removing a voter that lives: %v instead of %v", err, test.remove)
				}
			}
		})
	}
}

// Members must have been connected for five seconds before the membership may change, whomever one asks.
func TestMembershipChangesWaitForHealth(t *testing.T) {
	for asked := range 3 {
		w := newWorld(t, 1, 3)
		w.awaitLeader()
		w.run(time.Second)
		w.at(asked)
		if err := w.memberAdd(w.peer(3)); !errors.Is(err, ErrUnhealthy) {
			t.Errorf("member %d, a second after the start: %v", asked, err)
		}
		w.run(5 * time.Second)
		if err := w.memberAdd(w.peer(3)); err != nil {
			t.Errorf("member %d: %v", asked, err)
		}
		w.close()
	}
}

// What does not fit the list of members is refused, by its leader's name for it.
func TestMembershipChangesAreChecked(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(6 * time.Second)
	w.at(leader)
	learner := func(i int) Peer { p := w.peer(i); p.Learner = true; return p }
	sameAddress := learner(7)
	sameAddress.PeerAddress = w.peer(0).PeerAddress
	id := func(i int) uint64 { return memberID(w.peer(i).Name) }
	tests := []struct {
		name string
		got  error
		want error
	}{
		{"adding a learner", w.memberAdd(learner(3)), nil},
		{"adding it again", w.memberAdd(learner(3)), ErrMemberExists},
		{"adding a second learner", w.memberAdd(learner(4)), ErrTooManyLearners},
		{"adding a member at another one's address", w.memberAdd(sameAddress), ErrPeerURLExists},
		{"promoting a learner that has not started", w.memberPromote(id(3)), ErrLearnerNotReady},
		{"promoting a voter", w.memberPromote(id(leader)), ErrMemberNotLearner},
		{"promoting a stranger", w.memberPromote(12), ErrMemberNotFound},
		{"removing a stranger", w.memberRemove(12), ErrMemberNotFound},
		{"removing the learner", w.memberRemove(id(3)), nil},
		{"removing it again", w.memberRemove(id(3)), ErrMemberNotFound},
		{"adding it again after that", w.memberAdd(learner(3)), ErrMemberNotFound},
		{"adding another learner", w.memberAdd(learner(4)), nil},
	}
	for _, test := range tests {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s: %v instead of %v", test.name, test.got, test.want)
		}
	}
}

// A learner is promoted only with nine tenths of the leader's log.
func TestLearnerMustHaveCaughtUp(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.at(w.awaitLeader())
	w.run(6 * time.Second)
	learner := w.peer(3)
	learner.Learner = true
	members, err := do(w, func(done func(*MemberListResponse, error)) { w.client.MemberAdd(learner, done) })
	if err != nil {
		t.Fatal(err)
	}
	w.addMember(learner, members.Members, true)
	for i := range 50 {
		w.put("a", fmt.Sprint(i))
	}
	w.await(10*time.Second, "the learner has everything", w.converged)
	cut := w.network.Partition([]string{"m3"}, nil, network.Both)
	has := w.members[3].AppliedIndex()
	for w.members[w.leader()].AppliedIndex()*90/100 <= has {
		w.put("a", "more")
	}
	if err := w.memberPromote(memberID("m3")); !errors.Is(err, ErrLearnerNotReady) {
		t.Fatalf("with %d of %d entries: %v", has, w.members[w.leader()].AppliedIndex(), err)
	}
	w.network.Heal(cut)
	w.await(20*time.Second, "the learner has everything", w.converged)
	if err := w.memberPromote(memberID("m3")); err != nil {
		t.Fatal(err)
	}
}

// A learner answers what it can say by itself, and nothing else.
func TestLearnerAnswersSerializableReadsOnly(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.run(6 * time.Second)
	w.put("a", "1")
	learner := w.peer(3)
	learner.Learner = true
	members, err := do(w, func(done func(*MemberListResponse, error)) { w.client.MemberAdd(learner, done) })
	if err != nil {
		t.Fatal(err)
	}
	w.addMember(learner, members.Members, true)
	w.await(10*time.Second, "the learner has everything", w.converged)
	w.at(3)
	conn := w.network.DialWith(w.desk, learner.ClientAddress, network.EtcdClient())
	ask := func(request any) error {
		_, err := do(w, func(done func(*struct{}, error)) {
			conn.Call(w.network.Method("etcd.Test"), request, 64, 0, func(_ any, err error) { done(nil, err) })
		})
		return err
	}
	for _, request := range []any{
		&RangeRequest{Key: "a"}, &PutRequest{Key: "a"}, &DeleteRangeRequest{Key: "a"}, &TxnRequest{}, &CompactionRequest{Revision: 2},
		&TxnRequest{Success: []RequestOp{{Range: &RangeRequest{Key: "a", Serializable: true}}}},
		&LeaseGrantRequest{TTLSeconds: 10}, &LeaseRevokeRequest{ID: 1}, &LeaseKeepAliveRequest{ID: 1}, &LeaseTimeToLiveRequest{ID: 1},
		&LeaseLeasesRequest{}, &MemberListRequest{}, &MemberAddRequest{}, &MemberRemoveRequest{}, &MemberPromoteRequest{ID: memberID("m3")},
		&HashKVRequest{}, &AlarmRequest{}, &DefragmentRequest{}, &MoveLeaderRequest{},
	} {
		if err := ask(request); !errors.Is(err, ErrNotSupportedForLearner) {
			t.Errorf("%T %+v: %v", request, request, err)
		}
	}
	for _, request := range []any{&RangeRequest{Key: "a", Serializable: true}, &StatusRequest{}, &SnapshotRequest{}} {
		if err := ask(request); err != nil {
			t.Errorf("%T %+v: %v", request, request, err)
		}
	}
	watched, _ := w.watch(&WatchRequest{Key: "a"})
	w.run(time.Second)
	if !errors.Is(watched.closed, ErrNotSupportedForLearner) {
		t.Errorf("a watch: %v", watched.closed)
	}
}

func TestMoveLeader(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(time.Second)
	target, other := (leader+1)%3, (leader+2)%3
	move := func(to uint64) error {
		_, err := do(w, func(done func(*struct{}, error)) { w.client.MoveLeader(to, func(err error) { done(nil, err) }) })
		return err
	}
	w.at(leader)
	if err := move(12); !errors.Is(err, ErrBadLeaderTransferee) {
		t.Fatalf("to a stranger: %v", err)
	}
	if err := move(w.members[target].ID()); err != nil {
		t.Fatal(err)
	}
	if w.leader() != target || w.members[leader].IsLeader() {
		t.Fatalf("the answer comes before the target leads")
	}
	w.run(time.Second)
	for i, m := range w.members {
		if m.Lessor().Primary() != (i == target) {
			t.Fatalf("member %d leads: %v, its lessor is primary: %v", i, i == target, m.Lessor().Primary())
		}
	}
	w.put("a", "1")
	if err := move(w.members[other].ID()); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("asked of a follower: %v", err)
	}
	w.machines[other].Crash()
	began := w.simulation.Now()
	conn := w.network.DialWith(w.desk, w.configs[target].ClientAddress, network.EtcdClient())
	_, err := do(w, func(done func(*struct{}, error)) { // The client would ask again and again.
		conn.Call(w.network.Method("etcd.MoveLeader"), &MoveLeaderRequest{w.members[other].ID()}, 64, 0, func(_ any, err error) { done(nil, err) })
	})
	if !errors.Is(err, ErrTimeoutLeaderTransfer) || w.simulation.Now().Sub(began) < 7*time.Second {
		t.Fatalf("to a member that is down: %v after %v", err, w.simulation.Now().Sub(began))
	}
	w.at(target)
	w.put("a", "2")
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
