package mvcc

import "testing"

// A copy of a snapshot whose records have been cut since knows that it cannot read before the cut.
func TestCopiesKnowWhatTheirRecordsHaveLost(t *testing.T) {
	s := New(nil)
	for _, value := range []Bytes{"1", "2", "3"} {
		s.Put(&PutRequest{Key: "a", Value: value}, false)
	}
	snapshot := s.Snapshot()
	if _, _, err := s.Compact(4); err != nil {
		t.Fatal(err)
	}
	c := Restore(snapshot.Clone(), nil)
	if c.FirstRevision() != 4 || c.CompactRevision() != -1 {
		t.Errorf("the copy can be read from %d and is compacted at %d, want 4 and -1", c.FirstRevision(), c.CompactRevision())
	}
	reads := func(revision int64) *TxnRequest {
		return &TxnRequest{Success: []RequestOp{{Txn: &TxnRequest{Failure: []RequestOp{{Range: &RangeRequest{Key: "a", Revision: revision}}}}}}}
	}
	for revision, want := range map[int64]bool{0: true, 3: false, 4: true} {
		if got := c.CanAnswer(reads(revision)); got != want {
			t.Errorf("it can answer a read at %d: %v, want %v", revision, got, want)
		}
	}
	if !s.CanAnswer(reads(3)) {
		t.Error("the original refuses by its compaction alone")
	}
}
