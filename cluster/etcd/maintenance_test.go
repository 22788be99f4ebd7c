package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
)

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

func TestAutomaticCompaction(t *testing.T) {
	tests := []struct {
		name      string
		mode      CompactionMode
		retention int64
		least     int64
		most      int64
	}{
		{"by revision", CompactionRevision, 100, 450, 520},
		{"by period", CompactionPeriodic, int64(5 * time.Minute), 250, 370},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, 1, 3, func(c *MemberConfig) { c.CompactionMode, c.CompactionRetention = test.mode, test.retention })
			defer w.close()
			w.awaitLeader()
			for range 601 { // One a second for ten minutes.
				w.put("a", "x")
				w.run(time.Second - time.Duration(w.simulation.Now())%time.Second)
			}
			w.run(10 * time.Second)
			for i, m := range w.members {
				if at := m.Store().CompactRevision(); at < test.least || at > test.most {
					t.Errorf("member %d is compacted at %d of %d", i, at, m.Store().Revision())
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
