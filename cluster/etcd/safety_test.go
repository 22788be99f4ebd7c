package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim/network"
)

func TestMemberWithEmptyDiskIsRefused(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.put("a", "1")
	victim := (leader + 1) % 3
	w.machines[victim].Crash()
	d := w.machines[victim].Disk()
	for _, name := range d.List("etcd/") {
		if err := d.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	w.machines[victim].Boot()
	w.run(time.Second)
	if len(w.exits) != 1 || !errors.Is(w.exits[0], ErrBootstrapped) {
		t.Fatalf("exits %v", w.exits)
	}
}

func TestClientFailsOverAndBack(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.client = NewClient(w.desk, w.network, w.clientAddresses())
	asked := func() uint64 {
		t.Helper()
		r, err := do(w, func(done func(*RangeResponse, error)) { w.client.Range(&RangeRequest{Key: "a"}, done) })
		if err != nil {
			t.Fatal(err)
		}
		return r.Header.MemberID
	}
	if got := asked(); got != w.members[0].ID() {
		t.Fatalf("member %x answered, the first is %x", got, w.members[0].ID())
	}
	w.processes[0].Restart(5 * time.Second)
	w.run(time.Second)
	if got := asked(); got != w.members[1].ID() {
		t.Fatalf("member %x answered while the first is down, the second is %x", got, w.members[1].ID())
	}
	w.run(10 * time.Second)
	asked() // Finds out that the first one works again.
	w.run(time.Second)
	if got := asked(); got != w.members[0].ID() {
		t.Fatalf("member %x answered, the first is back", got)
	}
}

func TestDivergenceIsFoundOut(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	var found error
	w.canonical.OnViolation(func(err error) { found = err })
	w.put("a", "1")
	w.run(time.Second)
	w.members[(leader+1)%3].store.Put(&PutRequest{Key: "a", Value: Bytes("not agreed upon")}, false)
	w.put("b", "2")
	w.run(time.Second)
	if found == nil {
		t.Fatal("nobody noticed")
	}
}

func TestLossOfTheMajorityIsNotHidden(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.put("a", "1")
	for i := 1; i <= 2; i++ {
		machine := w.machines[(leader+i)%3]
		machine.Crash()
		for _, name := range machine.Disk().List("etcd/") {
			if err := machine.Disk().Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		machine.Boot()
	}
	_, err := do(w, func(done func(*PutResponse, error)) {
		w.client = NewClient(w.desk, w.network, []network.Address{w.configs[leader].ClientAddress})
		w.client.Put(&PutRequest{Key: "a", Value: Bytes("2")}, done)
	})
	if !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrTimeoutDueToLeaderFail) && !errors.Is(err, ErrTimeoutDueToConnectionLost) {
		t.Fatalf("a put without a majority: %v", err)
	}
	if len(w.exits) != 2 || !errors.Is(w.exits[0], ErrBootstrapped) || !errors.Is(w.exits[1], ErrBootstrapped) {
		t.Fatalf("exits %v", w.exits)
	}
}

func TestLostSyncIsFoundOut(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.put("a", "1")
	liar := (leader + 1) % 3
	w.machines[liar].Disk().LoseSync(true)
	for i := range 20 {
		w.put("a", fmt.Sprint(i))
	}
	w.run(time.Second)
	w.machines[liar].Crash()
	w.machines[liar].Disk().LoseSync(false)
	w.machines[liar].Boot()
	w.run(5 * time.Second)
	if len(w.exits) != 1 || !errors.Is(w.exits[0], ErrLostEntries) {
		t.Fatalf("exits %v", w.exits)
	}
	w.put("a", "last")
}

func TestCopiedEntryDataIsFoundOut(t *testing.T) {
	c := &Command{sizeBytes: 7}
	e := c.entry()
	if commandOf(&e) != c || entrySize(&e) != 7 {
		t.Fatal("an entry does not lead back to its command")
	}
	e.Data = bytes.Clone(e.Data)
	defer func() {
		if recover() == nil {
			t.Fatal("a copy of the data passed for the command")
		}
	}()
	commandOf(&e)
}
