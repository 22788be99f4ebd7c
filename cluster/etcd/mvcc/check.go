package mvcc

// Check finds the errors of a request that do not depend on the state: etcd answers them before agreement.
func (r *RangeRequest) Check() error {
	switch {
	case r.Key == "":
		return ErrEmptyKey
	case r.SortOrder > SortDescend || r.SortTarget > SortByValue:
		return ErrInvalidSort
	default:
		return nil
	}
}

// Check finds the errors that do not depend on the state.
func (r *PutRequest) Check() error {
	switch {
	case r.Key == "":
		return ErrEmptyKey
	case r.IgnoreValue && valueSize(r.Value) != 0:
		return ErrValueProvided
	case r.IgnoreLease && r.Lease != 0:
		return ErrLeaseProvided
	default:
		return nil
	}
}

// Check finds the errors that do not depend on the state.
func (r *DeleteRangeRequest) Check() error {
	if r.Key == "" {
		return ErrEmptyKey
	}
	return nil
}

// Check finds the errors that do not depend on the state: the operations' own, too many of them (maxOps is etcd's
// --max-txn-ops, which nested transactions share), and keys that would be written twice.
func (r *TxnRequest) Check(maxOps int) error {
	if err := r.checkOps(maxOps); err != nil {
		return err
	}
	if len(r.Success) <= 1 && len(r.Failure) <= 1 && r.flat() {
		return nil // One operation a branch, as in everything that Kubernetes asks, cannot collide.
	}
	if _, err := checkOverlaps(r.Success); err != nil {
		return err
	}
	_, err := checkOverlaps(r.Failure)
	return err
}

func (r *TxnRequest) flat() bool {
	notNested := func(op *RequestOp) bool { return op.Txn == nil }
	return allOps(r.Success, notNested) && allOps(r.Failure, notNested)
}

func (r *TxnRequest) checkOps(maxOps int) error {
	widest := max(len(r.Compare), len(r.Success), len(r.Failure))
	if widest > maxOps {
		return ErrTooManyOps
	}
	for i := range r.Compare {
		if r.Compare[i].Key == "" {
			return ErrEmptyKey
		}
	}
	for _, ops := range [2][]RequestOp{r.Success, r.Failure} {
		for i := range ops {
			if err := ops[i].check(maxOps - widest); err != nil {
				return err
			}
		}
	}
	return nil
}

func (op *RequestOp) check(maxOps int) error {
	switch {
	case op.Range != nil:
		return op.Range.Check()
	case op.Put != nil:
		return op.Put.Check()
	case op.DeleteRange != nil:
		return op.DeleteRange.Check()
	case op.Txn != nil:
		return op.Txn.checkOps(maxOps)
	default:
		return ErrKeyNotFound
	}
}

// writes are what a list of operations may put and delete.
type writes struct {
	// puts say of each key whether one of its puts keeps the value or the lease, which needs the key to exist.
	puts    map[string]bool
	deletes []keyRange
}

type keyRange struct{ start, end string }

// deleted reports whether a key may be deleted beside being put. The deletion of everything from a key on is no
// collision to etcd, which takes its range end for the key "\x00" (v3rpc/key.go: checkIntervals); but a put that keeps
// something then fails half-way, and etcd panics. Here it is refused.
func (w *writes) deleted(key string, keeps bool) bool {
	for _, d := range w.deletes {
		if InRange(key, d.start, d.end) && (keeps || d.end != AllKeys) {
			return true
		}
	}
	return false
}

// put adds a key, unless it is written already. alternative names keys that are exempt: those of the other branch of
// the same transaction, of which only one runs.
func (w *writes) put(key string, keeps bool, alternative map[string]bool) error {
	before, twice := w.puts[key]
	if _, exempt := alternative[key]; twice && !exempt || w.deleted(key, keeps) {
		return ErrDuplicateKey
	}
	w.puts[key] = keeps || before
	return nil
}

// checkOverlaps refuses operations that would write a key twice in one revision, and in the same order as etcd, which
// lets one more case pass: a nested put followed by a nested delete of the same key.
func checkOverlaps(ops []RequestOp) (*writes, error) {
	w := &writes{puts: map[string]bool{}}
	for i := range ops {
		if d := ops[i].DeleteRange; d != nil {
			w.deletes = append(w.deletes, keyRange{d.Key, d.RangeEnd})
		}
	}
	for i := range ops {
		if ops[i].Txn != nil {
			if err := w.nest(ops[i].Txn); err != nil {
				return nil, err
			}
		}
	}
	for i := range ops {
		if p := ops[i].Put; p != nil {
			if err := w.put(p.Key, p.IgnoreValue || p.IgnoreLease, nil); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// nest adds the writes of both branches of a nested transaction.
func (w *writes) nest(r *TxnRequest) error {
	then, err := checkOverlaps(r.Success)
	if err != nil {
		return err
	}
	otherwise, err := checkOverlaps(r.Failure)
	if err != nil {
		return err
	}
	for key, keeps := range then.puts { //sim:unordered every order finds the same error
		if err := w.put(key, keeps, nil); err != nil {
			return err
		}
	}
	for key, keeps := range otherwise.puts { //sim:unordered every order finds the same error
		if err := w.put(key, keeps, then.puts); err != nil {
			return err
		}
	}
	w.deletes = append(append(w.deletes, then.deletes...), otherwise.deletes...)
	return nil
}
