package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Under the alarm of corruption nothing is changed any more, and reads go on; lowering it ends that.
func TestCorruptionAlarmStopsWrites(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.put("a", "1")
	id := w.grant(60)
	conn := w.network.DialWith(w.desk, w.configs[0].ClientAddress, network.EtcdClient())
	ask := func(request any) error {
		_, err := do(w, func(done func(*struct{}, error)) {
			conn.Call(w.network.Method("etcd.Test"), request, 64, 0, func(_ any, err error) { done(nil, err) })
		})
		return err
	}
	corrupt := Alarm{MemberID: w.members[1].ID(), Type: AlarmCorrupt}
	writes := []any{
		&PutRequest{Key: "b"}, &DeleteRangeRequest{Key: "x"}, &TxnRequest{Success: []RequestOp{{DeleteRange: &DeleteRangeRequest{Key: "x"}}}},
		&CompactionRequest{Revision: 1}, &LeaseGrantRequest{ID: 5, TTLSeconds: 60}, &LeaseRevokeRequest{ID: 6},
	}
	if err := ask(&AlarmRequest{Action: AlarmActivate, Alarm: corrupt}); err != nil {
		t.Fatal(err)
	}
	for _, r := range writes {
		if err := ask(r); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%T under the alarm: %v", r, err)
		}
	}
	for _, r := range []any{&RangeRequest{Key: "a"}, &LeaseKeepAliveRequest{ID: id}, &LeaseTimeToLiveRequest{ID: id}, &AlarmRequest{}, &StatusRequest{}} {
		if err := ask(r); err != nil {
			t.Errorf("%T under the alarm: %v", r, err)
		}
	}
	if err := ask(&AlarmRequest{Action: AlarmDeactivate, Alarm: corrupt}); err != nil {
		t.Fatal(err)
	}
	if w.put("b", "2"); w.value("b") != "2" {
		t.Error("a put after the alarm has had no effect")
	}
}

// A compaction answers at once, one that is asked to wait for the work when all of it is done and durable: 10 ms a thousand
// records and a commit each. Later ones wait for those before.
func TestPhysicalCompactionAnswersWhenItIsDone(t *testing.T) {
	w := newWorld(t, 1, 1)
	defer w.close()
	w.awaitLeader()
	for i := range 6000 {
		w.desk.Do(func() { w.client.Put(&PutRequest{Key: fmt.Sprint("key", i%3000)}, func(*PutResponse, error) {}) })
	}
	w.run(5 * time.Second)
	conn := w.network.DialWith(w.desk, w.configs[0].ClientAddress, network.EtcdClient())
	began := w.simulation.Now()
	answered := map[string]time.Duration{}
	ask := func(name string, r *CompactionRequest, want error) {
		conn.Call(w.network.Method("etcd.Compact"), r, 64, 0, func(_ any, err error) {
			answered[name] = w.simulation.Now().Sub(began)
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	w.desk.Do(func() {
		ask("waiting", &CompactionRequest{Revision: 6000, Physical: true}, nil)
		ask("not waiting", &CompactionRequest{Revision: 6001}, nil)
		ask("too late and waiting", &CompactionRequest{Revision: 5000, Physical: true}, ErrCompacted)
		ask("too late", &CompactionRequest{Revision: 5000}, ErrCompacted)
		ask("too early and waiting", &CompactionRequest{Revision: 9000, Physical: true}, ErrFutureRev)
	})
	w.run(5 * time.Second)
	if len(answered) != 5 {
		t.Fatalf("answered %v", answered)
	}
	for _, name := range []string{"not waiting", "too late", "too early and waiting"} {
		if answered[name] > 20*time.Millisecond {
			t.Errorf("%s took %v", name, answered[name])
		}
	}
	// 3000 records dropped and 3000 kept: six batches, five pauses between them; then three more.
	first, second := answered["waiting"], answered["too late and waiting"]
	if first < 50*time.Millisecond || first > 100*time.Millisecond || second-first < 20*time.Millisecond {
		t.Errorf("the compactions took %v and %v", first, second)
	}
}

// Writes that were let in together and find no space when they are applied have their effect, since all members must do
// the same, but are answered with the lack of space; the alarm is raised, and what needs no space goes on.
func TestQuotaIsMetByWritesUnderWay(t *testing.T) {
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.QuotaBytes = 105_000 })
	defer w.close()
	w.awaitLeader()
	var failed []int
	w.at(0)
	for i := range 20 {
		w.desk.Do(func() {
			w.client.Put(&PutRequest{Key: fmt.Sprint(i), Value: Bytes(make([]byte, 10_000))}, func(_ *PutResponse, err error) {
				if errors.Is(err, ErrNoSpace) {
					failed = append(failed, i)
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
	w.run(time.Second)
	if len(failed) != 10 {
		t.Fatalf("%v of 20 failed", failed)
	}
	alarms, err := do(w, func(done func(*AlarmResponse, error)) { w.client.Alarm(&AlarmRequest{}, done) })
	if err != nil || len(alarms.Alarms) != 3 {
		t.Fatalf("alarms %+v, %v", alarms, err)
	}
	for _, i := range failed {
		if w.value(fmt.Sprint(i)) == "" {
			t.Errorf("put %d has had no effect", i)
		}
	}
	ask := func(success ...RequestOp) error {
		_, err := do(w, func(done func(*TxnResponse, error)) { w.client.Txn(&TxnRequest{Success: success}, done) })
		return err
	}
	deletion := RequestOp{DeleteRange: &DeleteRangeRequest{Key: "1"}}
	nested := RequestOp{Txn: &TxnRequest{Failure: []RequestOp{{Put: &PutRequest{Key: "x"}}}}}
	grant := func(done func(*LeaseGrantResponse, error)) { w.client.LeaseGrant(7, 60, done) }
	_, leased := do(w, grant)
	for what, err := range map[string]error{
		"a put": ask(RequestOp{Put: &PutRequest{Key: "x"}}), "a put in a branch not taken": ask(nested), "a lease": leased,
	} {
		if !errors.Is(err, ErrNoSpace) {
			t.Errorf("%s under the alarm: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"a deletion": ask(deletion), "a read": ask(RequestOp{Range: &RangeRequest{Key: "1"}}),
	} {
		if err != nil {
			t.Errorf("%s under the alarm: %v", what, err)
		}
	}
}

func TestQuotaRaisesTheAlarm(t *testing.T) {
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.QuotaBytes = 200_000 })
	defer w.close()
	w.awaitLeader()
	value := Bytes(make([]byte, 10_000))
	put := func() error {
		_, err := do(w, func(done func(*PutResponse, error)) {
			w.client.Put(&PutRequest{Key: "a", Value: value}, done)
		})
		return err
	}
	var full error
	for i := 0; i < 30 && full == nil; i++ {
		full = put()
	}
	if !errors.Is(full, ErrNoSpace) {
		t.Fatalf("30 puts of 10 kB into 200 kB: %v", full)
	}
	if fit := w.get("a").KVs[0].Version; fit != 19 { // The 20th is refused when it comes.
		t.Fatalf("%d puts of 10 kB went into 200 kB", fit)
	}
	w.run(time.Second)
	alarms, err := do(w, func(done func(*AlarmResponse, error)) { w.client.Alarm(&AlarmRequest{}, done) })
	if err != nil || len(alarms.Alarms) == 0 || alarms.Alarms[0].Type != AlarmNoSpace {
		t.Fatalf("alarms %+v, %v", alarms, err)
	}
	if err := put(); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("a put under the alarm: %v", err)
	}
	if w.value("a") == "" {
		t.Fatal("reads must go on")
	}
	// The way out: compact, defragment each member, disarm.
	if _, err := do(w, func(done func(*struct{}, error)) {
		w.client.Compact(w.canonical.Revision(), func(err error) { done(nil, err) })
	}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	for range w.members {
		if _, err := do(w, func(done func(*struct{}, error)) { w.client.Defragment(func(err error) { done(nil, err) }) }); err != nil {
			t.Fatal(err)
		}
	}
	alarms, err = do(w, func(done func(*AlarmResponse, error)) { w.client.Alarm(&AlarmRequest{}, done) })
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alarms.Alarms {
		if _, err := do(w, func(done func(*AlarmResponse, error)) {
			w.client.Alarm(&AlarmRequest{Action: AlarmDeactivate, Alarm: a}, done)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(); err != nil {
		t.Fatalf("a put after the way out: %v", err)
	}
}

// By revision, history is compacted every five minutes; by period, once a period, every hour where it is longer, to where
// the period began.
func TestAutomaticCompaction(t *testing.T) {
	type look struct{ after, from, to time.Duration } // Compacted at what was written in between.
	tests := []struct {
		name      string
		mode      CompactionMode
		retention int64
		looks     []look
	}{
		{"by revision", CompactionRevision, 100, []look{
			{5*time.Minute - time.Second, -1, -1},
			{5*time.Minute + time.Second, 190 * time.Second, 210 * time.Second},
			{10*time.Minute - time.Second, 190 * time.Second, 210 * time.Second},
			{10*time.Minute + time.Second, 490 * time.Second, 510 * time.Second},
		}},
		{"by period", CompactionPeriodic, int64(5 * time.Minute), []look{
			{5*time.Minute - time.Second, -1, -1},
			{5*time.Minute + time.Second, 0, 5 * time.Second},
			{10*time.Minute - time.Second, 0, 5 * time.Second},
			{10*time.Minute + time.Second, 260 * time.Second, 280 * time.Second}, // The look after the last one notes the revision
			{15*time.Minute + time.Second, 560 * time.Second, 580 * time.Second}, // only after it: a tenth more is kept.
		}},
		{"by a long period", CompactionPeriodic, int64(2 * time.Hour), []look{
			{2*time.Hour - time.Second, -1, -1},
			{2*time.Hour + time.Second, 0, 10 * time.Second},
			{3*time.Hour - time.Second, 0, 10 * time.Second},
			{3*time.Hour + time.Second, 52 * time.Minute, 55 * time.Minute},
			{4*time.Hour + time.Second, 112 * time.Minute, 115 * time.Minute},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, 1, 3, func(c *MemberConfig) { c.CompactionMode, c.CompactionRetention = test.mode, test.retention })
			defer w.close()
			w.awaitLeader()
			step := time.Second // One put a second; a hundredth of that where it takes long.
			if test.retention > int64(time.Hour) {
				step = 100 * time.Second
			}
			written := map[int64]time.Duration{1: 0, -1: -1}
			for _, look := range test.looks {
				for end := sim.Time(look.after); w.simulation.Now() < end-sim.Time(step); {
					at := time.Duration(w.simulation.Now())
					written[w.put("a", "x").Header.Revision] = at
					w.run(step - time.Duration(w.simulation.Now())%step)
				}
				w.run(look.after - time.Duration(w.simulation.Now()))
				for i, m := range w.members {
					if at := written[m.Store().CompactRevision()]; at < look.from || at > look.to {
						t.Errorf("after %v member %d is compacted at what was written at %v, not between %v and %v", look.after, i,
							at, look.from, look.to)
					}
				}
			}
		})
	}
}

func TestBackupIsRestoredIntoANewCluster(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	id := w.grant(3600)
	for i := range 10 {
		w.put(fmt.Sprint("key", i%3), fmt.Sprint(i))
	}
	if _, err := do(w, func(done func(*PutResponse, error)) {
		w.client.Put(&PutRequest{Key: "leased", Value: Bytes("x"), Lease: id}, done)
	}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	saved, err := do(w, w.client.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := backup.Write(&file, saved, nil); err != nil {
		t.Fatal(err)
	}
	read, err := backup.Read(&file, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := newWorld(t, 2, 3, func(c *MemberConfig) { c.Restore = read })
	defer n.close()
	n.awaitLeader()
	if got := n.value("key0"); got != "9" {
		t.Fatalf("key0 holds %q", got)
	}
	old, err := do(n, func(done func(*RangeResponse, error)) {
		n.client.Range(&RangeRequest{Key: "key0", Revision: 2}, done)
	})
	if err != nil || len(old.KVs) != 1 || old.KVs[0].Value != Bytes("0") {
		t.Fatalf("key0 at revision 2: %+v, %v", old, err)
	}
	if r := n.put("key0", "new"); r.Header.Revision != saved.Revision()+1 {
		t.Fatalf("the first put has revision %d after %d", r.Header.Revision, saved.Revision())
	}
	if _, err := do(n, func(done func(*LeaseRevokeResponse, error)) { n.client.LeaseRevoke(id, done) }); err != nil {
		t.Fatal(err)
	}
	if got := n.value("leased"); got != "" {
		t.Fatalf("after the revocation the key holds %q", got)
	}
	n.run(time.Second)
	if !n.converged() {
		t.Fatal("the members differ")
	}
}
