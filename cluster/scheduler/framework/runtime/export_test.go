package runtime

// SetPlain makes the framework ask node by node, without classes and columns: the twin.
func (f *Framework) SetPlain() { f.plain = true }

// AboveInHeap and Best give tests the tie rule.
var AboveInHeap = aboveInHeap

func (t Tie) Best(scores []int64, name func(int) string, draw func(int) int) int {
	return t.best(scores, name, draw)
}
