package framework

// Follower keeps something derived from nodes up to date: it visits the slots that changed since its last visit. The zero
// value has seen nothing.
type Follower struct{ position uint64 }

// Follow visits every slot whose node may have changed, come or gone; at first, or after falling far behind, all of them.
func (f *Follower) Follow(s *Snapshot, changed func(slot int32)) {
	next, complete := s.Changes(f.position, changed)
	f.position = next
	if complete {
		return
	}
	for slot := range s.Nodes {
		changed(int32(slot))
	}
}
