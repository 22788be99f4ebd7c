package mvcc

import "cmp"

// Txn runs a transaction. All comparisons, nested ones too, are made on the state before it; then everything that
// could fail is checked; then the chosen branches run and cannot fail.
func (s *Store) Txn(r *TxnRequest, respond bool) (*TxnResponse, error) {
	s.begin()
	s.path = s.decide(r, s.path[:0])
	if _, err := s.checkTxn(r, s.path); err != nil {
		return nil, err
	}
	response, _ := s.executeTxn(r, s.path, respond)
	if respond {
		response.Header.Revision = s.readRevision()
	}
	s.end()
	return response, nil
}

// ReadTxn runs a transaction that only reads, outside of the replicated order.
func (s *Store) ReadTxn(r *TxnRequest) (*TxnResponse, error) {
	s.reading = true
	defer func() { s.reading = false }()
	return s.Txn(r, true)
}

// branch returns the operations that a transaction runs.
func branch(r *TxnRequest, succeeded bool) []RequestOp {
	if succeeded {
		return r.Success
	}
	return r.Failure
}

// decide appends the outcome of the comparisons, then those of the nested transactions of the chosen branch, depth
// first.
func (s *Store) decide(r *TxnRequest, path []bool) []bool {
	succeeded := true
	for i := range r.Compare {
		if !s.holds(&r.Compare[i]) {
			succeeded = false
			break
		}
	}
	path = append(path, succeeded)
	for _, op := range branch(r, succeeded) {
		if op.Txn != nil {
			path = s.decide(op.Txn, path)
		}
	}
	return path
}

// holds evaluates one comparison against every key of its range.
func (s *Store) holds(c *Compare) bool {
	if c.RangeEnd == "" {
		if r := s.current(c.Key); r != nil {
			return c.matches(&r.KeyValue)
		}
		return c.matchesAbsent()
	}
	all, any := true, false
	s.ascend(c.Key, c.RangeEnd, func(r *Record) bool {
		if r.Version != 0 {
			any = true
			all = c.matches(&r.KeyValue)
		}
		return all
	})
	if !any {
		return c.matchesAbsent()
	}
	return all
}

func (c *Compare) matchesAbsent() bool {
	return c.Target != CompareValue && c.matches(&KeyValue{})
}

func (c *Compare) matches(kv *KeyValue) bool {
	var number int64
	switch c.Target {
	case CompareValue:
		number = int64(compareValues(kv.Value, c.Value))
		return c.relation(number)
	case CompareVersion:
		number = kv.Version
	case CompareCreateRevision:
		number = kv.CreateRevision
	case CompareModRevision:
		number = kv.ModRevision
	case CompareLease:
		number = kv.Lease
	}
	switch {
	case number < c.Number:
		return c.relation(-1)
	case number > c.Number:
		return c.relation(1)
	default:
		return c.relation(0)
	}
}

func (c *Compare) relation(sign int64) bool {
	switch c.Result {
	case Equal:
		return sign == 0
	case NotEqual:
		return sign != 0
	case Greater:
		return sign > 0
	default:
		return sign < 0
	}
}

// checkTxn finds what would make an operation of the chosen branches fail, and returns the rest of the path.
func (s *Store) checkTxn(r *TxnRequest, path []bool) (rest []bool, err error) {
	ops, rest := branch(r, path[0]), path[1:]
	for i := range ops {
		switch op := &ops[i]; {
		case op.Range != nil:
			err = s.checkRange(op.Range)
		case op.Put != nil:
			err = cmp.Or(s.checkKept(op.Put), s.checkLease(op.Put))
		case op.Txn != nil:
			rest, err = s.checkTxn(op.Txn, rest)
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// checkRange judges by the replicated compaction alone, unless only this member is concerned: every member must come to
// the same outcome.
func (s *Store) checkRange(r *RangeRequest) error {
	first := s.compactRevision
	if s.reading || s.bugs.TxnJudgesByFloor {
		first = s.FirstRevision()
	}
	switch {
	case r.Revision == 0:
		return nil
	case r.Revision > s.revision:
		return ErrFutureRev
	case r.Revision < first:
		return ErrCompacted
	default:
		return nil
	}
}

// CanAnswer reports whether the store still has what a transaction may read. One that replays its log behind a snapshot
// may have to run a transaction of which another store's compaction has cut the records since.
func (s *Store) CanAnswer(r *TxnRequest) bool {
	if s.FirstRevision() <= s.compactRevision {
		return true
	}
	for _, ops := range [2][]RequestOp{r.Success, r.Failure} {
		for i := range ops {
			op := &ops[i]
			if op.Range != nil && op.Range.Revision > 0 && op.Range.Revision < s.FirstRevision() || op.Txn != nil && !s.CanAnswer(op.Txn) {
				return false
			}
		}
	}
	return true
}

// executeTxn runs the chosen branch and returns the rest of the path.
func (s *Store) executeTxn(r *TxnRequest, path []bool, respond bool) (*TxnResponse, []bool) {
	ops, rest := branch(r, path[0]), path[1:]
	var response *TxnResponse
	if respond {
		response = newTxnResponse(path[0], ops)
	}
	for i := range ops {
		var answer ResponseOp
		if respond {
			answer = response.Responses[i]
		}
		answer, rest = s.executeOp(&ops[i], rest, answer, respond)
		if respond {
			response.Responses[i] = answer
		}
	}
	return response, rest
}

// newTxnResponse makes room for the answers of puts too: in one allocation where the transaction is one put, as API
// servers' mostly are.
func newTxnResponse(succeeded bool, ops []RequestOp) *TxnResponse {
	if len(ops) == 1 && ops[0].Put != nil {
		one := &struct {
			TxnResponse
			answer [1]ResponseOp
			put    PutResponse
		}{TxnResponse: TxnResponse{Succeeded: succeeded}}
		one.answer[0].Put = &one.put
		one.Responses = one.answer[:]
		return &one.TxnResponse
	}
	response := &TxnResponse{Succeeded: succeeded}
	if len(ops) > 0 {
		response.Responses = make([]ResponseOp, len(ops))
	}
	for i := range ops {
		if ops[i].Put != nil {
			response.Responses[i].Put = &PutResponse{}
		}
	}
	return response
}

// mustRange reads inside of a transaction that has been checked. Only a restarted member that replays its log can
// stand before a compaction that has already cut its records, and it answers nobody.
func (s *Store) mustRange(r *RangeRequest) *RangeResponse {
	response, err := s.rangeAt(r, s.readRevision())
	if err != nil {
		panic("mvcc: a checked read failed inside of a transaction: " + err.Error())
	}
	return response
}

// executeOp runs an operation and fills its answer in.
func (s *Store) executeOp(op *RequestOp, path []bool, answer ResponseOp, respond bool) (_ ResponseOp, rest []bool) {
	switch {
	case op.Range != nil:
		if respond {
			answer.Range = s.mustRange(op.Range)
		}
	case op.Put != nil:
		s.executePut(op.Put, answer.Put)
	case op.DeleteRange != nil:
		answer.DeleteRange = s.executeDelete(op.DeleteRange, respond)
	case op.Txn != nil:
		answer.Txn, path = s.executeTxn(op.Txn, path, respond) // Its header stays empty, as in etcd.
	}
	return answer, path
}
