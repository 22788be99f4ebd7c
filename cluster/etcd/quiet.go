package etcd

import "go.etcd.io/raft/v3/raftpb"

// quiet is what a member knows of its connection to another, to leave out acknowledgements that say nothing. A leader
// tells its followers of each commit by an append without entries, which raft's followers acknowledge as they do any
// other; to a leader that has heard, or will hear, of all of their entries, that means nothing.
//
// So a leader marks the first append that tells a follower of a commit, unless it has reason to wonder how far the
// follower is: then every answer counts. And a follower leaves out the answer to a marked one if it has sent another that
// says the same, on a connection that holds. What is not marked is always answered, the appends that follow upon each
// heartbeat from a follower that is behind among them.
type quiet struct {
	// acked is the term in which the other has acknowledged entries since something went wrong last; told is the commit
	// that it has been told of.
	acked, told uint64
	// marked is the index of the append that came last from the other, if it was marked.
	marked uint64
	// said is up to where this member has acknowledged entries to the other, in the term.
	said, term uint64
}

// tells takes in a message to the other, and reports whether it can be marked.
func (q *quiet) tells(message *raftpb.Message) bool {
	switch message.Type {
	case raftpb.MsgApp:
		news := message.Commit > q.told
		q.told = message.Commit
		return news && len(message.Entries) == 0 && q.acked == message.Term
	case raftpb.MsgAppResp:
		if message.Reject || message.Term != q.term {
			q.said, q.term = 0, message.Term
		}
		if !message.Reject {
			q.said = max(q.said, message.Index)
		}
	}
	return false
}

// hears takes in a message of the other's.
func (q *quiet) hears(message *raftpb.Message, marked bool) {
	switch message.Type {
	case raftpb.MsgApp:
		if q.marked = 0; marked {
			q.marked = message.Index
		}
	case raftpb.MsgAppResp:
		if q.acked = message.Term; message.Reject {
			q.acked = 0
		}
	}
}

// isKnown reports whether an acknowledgement can be left out.
func (m *Member) isKnown(answer *raftpb.Message) bool {
	p := m.peers[answer.To]
	if p == nil || answer.Reject {
		return false
	}
	q := &p.quiet
	return answer.Index == q.marked && answer.Index <= q.said && answer.Term == q.term
}
