package runtime

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// How many feasible nodes are enough (pkg/scheduler/schedule_one.go).
const (
	minFeasibleNodesToFind           = 100
	minFeasibleNodesPercentageToFind = 5
)

// ErrNoNodesAvailable says that the cluster has no nodes.
var ErrNoNodesAvailable = errors.New("no nodes available to schedule pods")

// Algorithm finds nodes for pods. One serves all profiles of a scheduler, since the rotation is common to them. Its zero value is
// the default. Not safe for concurrent use.
type Algorithm struct {
	// PercentageOfNodesToScore: zero adapts it to the size of the cluster.
	PercentageOfNodesToScore int32
	Tie                      Tie
	// Start is the position in the snapshot's order from which the next attempt examines nodes.
	Start int

	run      filterRun
	hint     string
	feasible []int32
	statuses framework.NodeStatuses
	scores   Scores
}

// Result is a successful attempt.
type Result struct {
	Slot           int32
	Node           string
	EvaluatedNodes int
	FeasibleNodes  int
	// Hint is the node that batching wanted to be tried first, alone; empty if none. It is Node if the hint was used.
	Hint string
}

// Work is what an attempt did: the cost model charges by it.
type Work struct {
	Filtered int // nodes
	Scored   int // nodes
}

// Attempt is what an attempt came to: a result; a diagnosis, if no node fits; or an error.
type Attempt struct {
	Result    Result
	Diagnosis *framework.Diagnosis
	Err       error
	Work      Work
}

// Schedule finds a node for the cycle's pod. The diagnosis is valid until the next attempt.
func (a *Algorithm) Schedule(f *Framework, c *framework.Cycle) (attempt Attempt) {
	a.statuses.Reset(len(c.Snapshot.Nodes))
	a.hint = ""
	a.forgetScores()
	if c.Snapshot.Len() == 0 {
		attempt.Err = ErrNoNodesAvailable
		return attempt
	}
	d := &framework.Diagnosis{Statuses: &a.statuses}
	err := a.findNodes(f, c, d, &attempt.Work)
	switch {
	case err != nil:
		attempt.Err = err
	case len(a.feasible) == 0:
		attempt.Diagnosis = d
	default:
		attempt.Result, attempt.Err = a.selectNode(f, c, &attempt.Work)
		attempt.Result.EvaluatedNodes = len(a.feasible) + a.statuses.Len()
		attempt.Result.FeasibleNodes = len(a.feasible)
		attempt.Result.Hint = a.hint
	}
	return attempt
}

func (a *Algorithm) forgetScores() {
	a.scores.Slots, a.scores.Total, a.scores.Plugin = nil, a.scores.Total[:0], a.scores.Plugin[:0]
	a.scores.Extender, a.scores.extended = nil, nil
}

// Scores returns the last attempt's scores; empty if at most one node was feasible.
func (a *Algorithm) Scores() *Scores { return &a.scores }

// Statuses returns why nodes were refused in the last attempt.
func (a *Algorithm) Statuses() *framework.NodeStatuses { return &a.statuses }

// findNodes fills a.feasible: what PreFilter leaves, the nominated node alone if it fits, otherwise what passes the filters.
func (a *Algorithm) findNodes(f *Framework, c *framework.Cycle, d *framework.Diagnosis, work *Work) error {
	a.feasible = a.feasible[:0]
	nodes, narrowed, status := f.PreFilter(c)
	d.UnschedulablePlugins = narrowed
	if !status.IsSuccess() {
		if !status.IsRejected() {
			return status.AsError()
		}
		a.statuses.SetAbsent(status)
		d.PreFilterMessage = status.Message()
		f.blame(d, status)
		return nil
	}
	if f.batch != nil {
		a.hint = f.batch.hint(c)
	}
	// A nominated node goes before a hint, which is then lost, as upstream's is.
	if nominated := cmp.Or(c.Pod.Pod.Status.NominatedNodeName, a.hint); nominated != "" {
		if node := c.Snapshot.Node(nominated); node != nil {
			// As upstream, an error here is only logged, and what was found out about the node counts.
			err := a.filter(f, c, d, []int32{node.Slot}, work)
			if err == nil {
				err = a.passExtenders(f, c)
			}
			if err == nil && len(a.feasible) > 0 {
				return nil
			}
		}
	}
	slots := c.Snapshot.Order
	if nodes != nil {
		slots = slotsOf(c.Snapshot, nodes)
		// As upstream, which adds to one set: also what refused the nominated node.
		names := slices.Sorted(slices.Values(f.names.Names(d.UnschedulablePlugins)))
		a.statuses.SetAbsent(framework.NewStatus(framework.UnschedulableAndUnresolvable,
			"node(s) didn't satisfy plugin(s) ["+strings.Join(names, " ")+"]"))
	}
	err := a.filter(f, c, d, slots, work)
	a.Start = (a.Start + len(a.feasible) + a.statuses.Len()) % c.Snapshot.Len()
	if err != nil {
		return err
	}
	before := len(a.feasible)
	err = a.passExtenders(f, c)
	if err == nil && len(a.feasible) != before {
		d.UnschedulablePlugins = d.UnschedulablePlugins.With(f.names.ID(framework.ExtenderName))
	}
	return err
}

// slotsOf returns the slots of the named nodes that exist, by name.
func slotsOf(s *framework.Snapshot, names map[string]bool) []int32 {
	var slots []int32
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if node := s.Node(name); node != nil {
			slots = append(slots, node.Slot)
		}
	}
	return slots
}

// filter examines nodes from the rotating start until enough are feasible.
func (a *Algorithm) filter(f *Framework, c *framework.Cycle, d *framework.Diagnosis, slots []int32, work *Work) error {
	a.feasible = a.feasible[:0]
	if len(slots) == 0 {
		return nil
	}
	enough := a.enough(f, len(slots))
	f.startFilters(c, len(slots), &a.run)
	next := a.Start % len(slots)
	for range slots {
		slot := slots[next]
		if next++; next == len(slots) {
			next = 0
		}
		work.Filtered++
		status := a.run.slot(slot)
		if status == nil {
			// Upstream learns that it has enough only from one feasible node too many, which it forgets.
			if len(a.feasible) == enough {
				return nil
			}
			a.feasible = append(a.feasible, slot)
			continue
		}
		if status.IsError() {
			a.blameAll(f, d)
			return status.AsError()
		}
		a.statuses.Set(slot, status)
	}
	a.blameAll(f, d)
	return nil
}

// blameAll notes every plugin that refused a node.
func (a *Algorithm) blameAll(f *Framework, d *framework.Diagnosis) {
	var last *framework.Status
	a.statuses.Each(func(_ int32, status *framework.Status) {
		if status != last {
			f.blame(d, status)
			last = status
		}
	})
}

func (f *Framework) blame(d *framework.Diagnosis, status *framework.Status) {
	if status.Plugin() == "" {
		return
	}
	id := f.names.ID(status.Plugin())
	if status.IsRejected() {
		d.UnschedulablePlugins = d.UnschedulablePlugins.With(id)
	}
	if status.Code() == framework.Pending {
		d.PendingPlugins = d.PendingPlugins.With(id)
	}
}

// enough returns how many feasible nodes end the search.
func (a *Algorithm) enough(f *Framework, nodes int) int {
	if len(f.scorers) == 0 && !slices.ContainsFunc(f.config.Extenders, framework.Extender.IsFilter) &&
		!slices.ContainsFunc(f.config.Extenders, framework.Extender.IsPrioritizer) {
		return 1 // nothing to compare
	}
	if nodes < minFeasibleNodesToFind {
		return nodes
	}
	percentage := int(a.PercentageOfNodesToScore)
	if own := f.config.PercentageOfNodesToScore; own != nil {
		percentage = int(*own)
	}
	if percentage == 0 {
		percentage = max(50-nodes/125, minFeasibleNodesPercentageToFind)
	}
	return max(nodes*percentage/100, minFeasibleNodesToFind)
}

// selectNode scores the feasible nodes and returns the winner.
func (a *Algorithm) selectNode(f *Framework, c *framework.Cycle, work *Work) (Result, error) {
	winner := 0
	var others *order
	if len(a.feasible) > 1 {
		work.Scored = len(a.feasible)
		if status := f.Score(c, a.feasible, &a.scores); !status.IsSuccess() {
			return Result{}, status.AsError()
		}
		if len(f.config.Extenders) > 0 {
			a.prioritize(f, c)
		}
		winner = a.best(f, c)
		if others = unkept; c.Signature != "" {
			others = newOrder(c, a.feasible, a.scores.Total, a.Tie).without(winner)
		}
	}
	slot := a.feasible[winner]
	node := c.Snapshot.Nodes[slot].Name()
	if f.batch != nil {
		f.batch.store(c, a.hint, node, others)
	}
	return Result{Slot: slot, Node: node}, nil
}

// best returns the winner by the tie rule. Nodes that an extender scored have a random number upstream, which decides among equals.
func (a *Algorithm) best(f *Framework, c *framework.Cycle) int {
	winner := a.Tie.best(a.scores.Total, func(i int) string { return c.Snapshot.Nodes[a.feasible[i]].Name() }, f.handle.Draw)
	if a.Tie != TieUpstream || len(a.scores.extended) == 0 {
		return winner
	}
	var equal []int
	for i, total := range a.scores.Total {
		if total == a.scores.Total[winner] && a.scores.extended[i] {
			equal = append(equal, i)
		}
	}
	if len(equal) == 0 {
		return winner
	}
	return equal[f.handle.Draw(len(equal))]
}
