package helper

import "github.com/fauxkube/fauxkube/cluster/scheduler/framework"

// Normalize scales scores, none of them negative, so that the largest becomes 100. reverse turns them round: the largest
// becomes 0 and zero becomes 100.
func Normalize(scores []int64, reverse bool) {
	var largest int64
	for _, score := range scores {
		largest = max(largest, score)
	}
	for i, score := range scores {
		if largest > 0 {
			score = framework.MaxNodeScore * score / largest
		}
		if reverse {
			score = framework.MaxNodeScore - score
		}
		scores[i] = score
	}
}
