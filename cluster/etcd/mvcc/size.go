package mvcc

// Modelled sizes on the wire and in the log: contents plus about what protobuf and the envelope add.
const (
	headerBytes    = 32 // Cluster, member, revision, term.
	operationBytes = 16 // Tags, lengths and options of one operation.
)

// SizeBytes is the modelled encoded size.
func (r *RangeRequest) SizeBytes() int { return operationBytes + len(r.Key) + len(r.RangeEnd) }

// SizeBytes is the modelled encoded size.
func (r *PutRequest) SizeBytes() int { return operationBytes + len(r.Key) + valueSize(r.Value) }

// SizeBytes is the modelled encoded size.
func (r *DeleteRangeRequest) SizeBytes() int { return operationBytes + len(r.Key) + len(r.RangeEnd) }

// SizeBytes is the modelled encoded size.
func (r *TxnRequest) SizeBytes() int {
	n := operationBytes
	for i := range r.Compare {
		c := &r.Compare[i]
		n += operationBytes + len(c.Key) + len(c.RangeEnd) + valueSize(c.Value)
	}
	return n + opsSize(r.Success) + opsSize(r.Failure)
}

func opsSize(ops []RequestOp) (n int) {
	for i := range ops {
		switch op := &ops[i]; {
		case op.Range != nil:
			n += op.Range.SizeBytes()
		case op.Put != nil:
			n += op.Put.SizeBytes()
		case op.DeleteRange != nil:
			n += op.DeleteRange.SizeBytes()
		case op.Txn != nil:
			n += op.Txn.SizeBytes()
		}
	}
	return n
}

// SizeBytes is the modelled encoded size.
func (r *RangeResponse) SizeBytes() int { return headerBytes + kvsSize(r.KVs) }

// SizeBytes is the modelled encoded size.
func (r *PutResponse) SizeBytes() int {
	if r.PrevKV == nil {
		return headerBytes
	}
	return headerBytes + r.PrevKV.SizeBytes()
}

// SizeBytes is the modelled encoded size.
func (r *DeleteRangeResponse) SizeBytes() int { return headerBytes + kvsSize(r.PrevKVs) }

// SizeBytes is the modelled encoded size.
func (r *TxnResponse) SizeBytes() int {
	n := headerBytes
	for i := range r.Responses {
		switch op := &r.Responses[i]; {
		case op.Range != nil:
			n += op.Range.SizeBytes()
		case op.Put != nil:
			n += op.Put.SizeBytes()
		case op.DeleteRange != nil:
			n += op.DeleteRange.SizeBytes()
		case op.Txn != nil:
			n += op.Txn.SizeBytes()
		}
	}
	return n
}

func kvsSize(kvs []*KeyValue) (n int) {
	for _, kv := range kvs {
		n += kv.SizeBytes()
	}
	return n
}
