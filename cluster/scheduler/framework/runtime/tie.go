package runtime

import (
	"fmt"
	"math/bits"
)

// Tie says who wins among nodes with the best score.
type Tie uint8

const (
	// TieUpstream is the node that kube-scheduler's heap leaves on top.
	TieUpstream Tie = iota
	// TieRandom draws one of them from the simulation's random stream.
	TieRandom
	// TieName is the lexicographically smallest name.
	TieName
)

var tieNames = [...]string{"upstream", "random", "name"}

func (t Tie) String() string { return tieNames[t] }

// ParseTie returns the rule of a name.
func ParseTie(name string) (Tie, error) {
	for t, n := range tieNames {
		if n == name {
			return Tie(t), nil
		}
	}
	return 0, fmt.Errorf("unknown tie rule %q: want upstream, random or name", name)
}

// best returns the index of the winner. names gives a node's name by index, draw a number in [0, n).
func (t Tie) best(scores []int64, name func(int) string, draw func(int) int) int {
	winner, ties := 0, 1
	for i := 1; i < len(scores); i++ {
		switch {
		case scores[i] > scores[winner]:
			winner, ties = i, 1
		case scores[i] < scores[winner]:
		default:
			ties++
			if t.prefers(i, winner, name) {
				winner = i
			}
		}
	}
	if t != TieRandom || ties == 1 {
		return winner
	}
	nth := draw(ties)
	for i := winner; ; i++ {
		if scores[i] != scores[winner] {
			continue
		}
		if nth == 0 {
			return i
		}
		nth--
	}
}

func (t Tie) prefers(i, over int, name func(int) string) bool {
	switch t {
	case TieUpstream:
		return aboveInHeap(i, over)
	case TieName:
		return name(i) < name(over)
	default:
		return false // keep the first, for the draw to start from
	}
}

// aboveInHeap reports which of two equal maxima container/heap.Init brings to the top. Init sifts down from the last parent to the
// root; a child rises only past a smaller parent, and the right one only if it beats the left. So of equals the parent
// stays above its descendants, and what comes from the left subtree above what comes from the right: the top is the
// first maximum of the tree read root, left, right.
func aboveInHeap(i, j int) bool {
	// Numbered from 1, a node's ancestors are its binary prefixes.
	a, b := uint(i+1), uint(j+1)
	if shift := bits.Len(a) - bits.Len(b); shift > 0 {
		return a>>shift < b
	} else {
		return a <= b>>-shift
	}
}
