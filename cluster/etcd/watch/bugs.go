package watch

// Bugs are mistakes that can be planted, to show that they are found (etcd.Bugs).
type Bugs struct {
	// ProgressOutOfStep tells progress to watchers that are behind.
	ProgressOutOfStep bool
	// ProgressBehindStart tells progress before the revision from which a watcher begins.
	ProgressBehindStart bool
	// RestoreRewinds has watchers begin, after Restore, where they last were behind.
	RestoreRewinds bool
	// FutureLowered takes watchers that are synchronised for watchers of what is newest.
	FutureLowered bool
	// StarvedSkips lets a blocked watcher that compaction has passed go on behind it.
	StarvedSkips bool
	// MissesDeleteAtCompaction leaves out deletions at the compacted revision.
	MissesDeleteAtCompaction bool
}

// Plant plants bugs.
func (h *Hub) Plant(b Bugs) { h.bugs = b }
