package mvcc

import "testing"

// Each target of a comparison, on a key, on a range, and on a key that does not exist.
func TestComparisons(t *testing.T) {
	s := New(newLeaseSet(7))
	for _, r := range []*PutRequest{{Key: "a", Value: Bytes("v1")}, {Key: "a", Value: Bytes("v2"), Lease: 7}, {Key: "b", Value: Bytes("v3"), Lease: 7}} {
		if _, err := s.Put(r, false); err != nil {
			t.Fatal(err)
		}
	}
	// Now a@3: created at 2, version 2, lease 7, v2. b@4: created at 4, version 1, lease 7, v3.
	tests := []struct {
		target        CompareTarget
		key, end      string
		number        int64 // What equals.
		value         Value
		equal, lesser bool // Whether "equal to" and "less than one more" hold.
	}{
		{CompareVersion, "a", "", 2, nil, true, true},
		{CompareCreateRevision, "a", "", 2, nil, true, true},
		{CompareModRevision, "a", "", 3, nil, true, true},
		{CompareLease, "a", "", 7, nil, true, true},
		{CompareValue, "a", "", 0, Bytes("v2"), true, true},
		{CompareVersion, "a", "z", 2, nil, false, true},
		{CompareCreateRevision, "a", "z", 4, nil, false, true},
		{CompareModRevision, "a", AllKeys, 4, nil, false, true},
		{CompareLease, "a", "z", 7, nil, true, true},
		{CompareValue, "a", "z", 0, Bytes("v3"), false, true},
		{CompareVersion, "x", "", 0, nil, true, true},
		{CompareCreateRevision, "x", "z", 0, nil, true, true},
		{CompareModRevision, "x", "", 0, nil, true, true},
		{CompareLease, "x", "", 0, nil, true, true},
		{CompareValue, "x", "", 0, nil, false, false},
		{CompareValue, "x", "z", 0, Bytes(""), false, false},
	}
	for _, test := range tests {
		holds := func(result CompareResult, more int64) bool {
			c := Compare{Target: test.target, Result: result, Key: test.key, RangeEnd: test.end, Number: test.number + more, Value: test.value}
			if test.value != nil && more > 0 {
				c.Value = test.value.(Bytes) + "+"
			}
			r, err := s.Txn(&TxnRequest{Compare: []Compare{c}}, true)
			if err != nil {
				t.Fatal(err)
			}
			return r.Succeeded
		}
		if holds(Equal, 0) != test.equal || holds(Less, 1) != test.lesser {
			t.Errorf("target %d of [%s, %s): equal to %d is %v, less than one more is %v", test.target, test.key, test.end, test.number,
				holds(Equal, 0), holds(Less, 1))
		}
		if test.end == "" && (holds(NotEqual, 0) || holds(Greater, 0)) {
			t.Errorf("target %d of %s: not equal to, or greater than, what it equals", test.target, test.key)
		}
	}
}
