package golden

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kinds of differences, which tolerances refer to.
const (
	// late: coalesced, and something settles up to lateness after the recording's.
	late = "late"
	// coalesced: the milestones and the settled states are equal, what lies between them is not.
	coalesced = "coalesced"
	// permuted: the same histories, of other objects among equals.
	permuted = "permuted"
	// changed: anything else about objects, output or order.
	changed = "changed"
	// counted: a number of requests or Events.
	counted = "counted"
	// worded: as many Events, with other messages.
	worded = "worded"
	// timed: a time.
	timed = "timed"
	// missing: only one side has it.
	missing = "missing"
)

// Compare holds a replay against a recording and looks differences up among the tolerances.
func Compare(recorded, replayed *Transcript, tolerances []*Tolerance) *Table {
	table := &Table{Name: recorded.Name}
	if kinds := leftOut[recorded.Name]; len(kinds) > 0 {
		recorded, replayed = recorded.withoutKinds(kinds), replayed.withoutKinds(kinds)
		for _, kind := range kinds {
			table.Rows = append(table.Rows, Row{Item: "left out " + kind, Recorded: "present", Replayed: "absent", Kind: missing})
		}
	}
	c := &comparison{table: table, recorded: newSide(recorded), replayed: newSide(replayed)}
	c.compareSteps()
	c.compareObjects()
	c.compareOrder()
	c.compareEvents()
	c.compareRequests()
	c.compareFinal()
	for i := range c.table.Rows {
		tolerate(c.table.Name, &c.table.Rows[i], tolerances)
	}
	return c.table
}

type comparison struct {
	table              *Table
	recorded, replayed *side
}

// side is a transcript prepared for comparing.
type side struct {
	*Transcript
	normaliser *normaliser
	histories  map[string][]*history
	// acted is when each step's first write request came in: how long kubectl took to start does not matter.
	acted []time.Duration
}

func newSide(t *Transcript) *side {
	s := &side{Transcript: t, normaliser: newNormaliser(t), histories: histories(t)}
	for i := range t.Steps {
		s.acted = append(s.acted, t.acted(i))
	}
	return s
}

// stepAt is the index of the step under way at a time, and when it acted.
func (s *side) stepAt(at time.Duration) (int, time.Duration) {
	for i := len(s.Steps) - 1; i > 0; i-- {
		if s.Steps[i].At <= at {
			return i, s.acted[i]
		}
	}
	return 0, 0
}

// same makes a row of two texts.
func (c *comparison) same(item, recorded, replayed, kind string) {
	if recorded == replayed {
		c.table.equal(item, recorded)
		return
	}
	c.table.Rows = append(c.table.Rows, Row{Item: item, Recorded: recorded, Replayed: replayed, Kind: kind})
}

// count makes a row of two numbers.
func (c *comparison) count(item string, recorded, replayed int, kind, detail string) {
	row := Row{
		Item: item, Recorded: fmt.Sprint(recorded), Replayed: fmt.Sprint(replayed), Kind: kind, Detail: detail,
		numbers: &[2]float64{float64(recorded), float64(replayed)},
	}
	if recorded == replayed && detail == "" {
		row.Verdict = Equal
	}
	c.table.Rows = append(c.table.Rows, row)
}

// sameTime is the rule for times: sub-second differences do not matter, others may be a tenth.
func sameTime(a, b time.Duration) bool {
	return (a-b).Abs() < time.Second || (a-b).Abs() <= max(a, b)/10
}

// time makes a row of two durations.
func (c *comparison) time(item string, recorded, replayed time.Duration) {
	row := Row{
		Item: item, Recorded: recorded.Round(time.Millisecond).String(), Replayed: replayed.Round(time.Millisecond).String(),
		Kind: timed, numbers: &[2]float64{recorded.Seconds(), replayed.Seconds()},
	}
	if sameTime(recorded, replayed) {
		row.Verdict = Equal
	}
	c.table.Rows = append(c.table.Rows, row)
}

// recorderPoll is how late the recorder may have seen a condition: it looked about once a second, and up to .9 s after
// the change that met it.
const recorderPoll = time.Second

// compareSteps compares what the commands printed and how long it took until what was waited for held.
func (c *comparison) compareSteps() {
	for i, recorded := range c.recorded.Steps {
		if i >= len(c.replayed.Steps) {
			c.same("output "+recorded.Name, "performed", "not performed", missing)
			continue
		}
		replayed := c.replayed.Steps[i]
		c.same("output "+recorded.Name, c.recorded.printed(recorded), c.replayed.printed(replayed), changed)
		for k, w := range recorded.Waits {
			item := fmt.Sprintf("times %s: until %s", recorded.Name, w.Condition)
			a, b := w.At-c.recorded.acted[i], replayed.Waits[k].At-c.replayed.acted[i]
			if b < a && a-b < time.Second+recorderPoll {
				b = a // The recorder looked late.
			}
			c.time(item, a, b)
		}
	}
}

// printed is the exit status and the normalised output of a step. The line that says where kubectl logged something is
// left out, and blank lines; the others are sorted, since the recorder put kubectl's errors last.
func (s *side) printed(step Step) string {
	var lines []string
	for _, line := range step.Output {
		if _, body, ok := strings.Cut(line, `"Response Body"`); ok {
			line = body
		}
		if line = strings.TrimSpace(s.normaliser.text(line)); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("status %d: %s", step.Code, strings.Join(lines, " / "))
}

// compareObjects compares the histories of all objects.
func (c *comparison) compareObjects() {
	all := maps.Clone(c.recorded.histories)
	maps.Copy(all, c.replayed.histories)
	for _, title := range sortedKeys(all) {
		recorded, replayed := c.recorded.histories[title], c.replayed.histories[title]
		if strings.HasSuffix(title, "*") {
			c.compareGroup(title, recorded, replayed)
			continue
		}
		// An object that is deleted and created again has several histories.
		for i := range max(len(recorded), len(replayed)) {
			item := "objects " + title
			if i > 0 {
				item = fmt.Sprintf("%s, life %d", item, i+1)
			}
			if i >= len(recorded) || i >= len(replayed) {
				c.same(item, presence(i < len(recorded)), presence(i < len(replayed)), missing)
				continue
			}
			c.compareHistory(item, recorded[i], replayed[i])
			if a, b := recorded[i].revisions(), replayed[i].revisions(); a != "" || b != "" {
				c.same("revisions "+strings.TrimPrefix(item, "objects "), a, b, changed)
			}
			c.compareTimes("times "+strings.TrimPrefix(item, "objects "), recorded[i], replayed[i])
		}
	}
}

func presence(there bool) string {
	if there {
		return "present"
	}
	return "absent"
}

// compareHistory compares two histories: literally, else by milestones and settled states.
func (c *comparison) compareHistory(item string, recorded, replayed *history) {
	row := Row{
		Item: item, Recorded: fmt.Sprintf("%d states", len(recorded.states)), Replayed: fmt.Sprintf("%d states", len(replayed.states)),
		numbers: &[2]float64{float64(len(recorded.states)), float64(len(replayed.states))},
	}
	switch {
	case recorded.literal() == replayed.literal():
		row.Verdict = Equal
	default:
		row.Kind, row.Detail = c.firstDifference(recorded, replayed)
	}
	c.table.Rows = append(c.table.Rows, row)
}

// lateness is how much later than in the recording a state may settle that is put right by a retry after a second.
const lateness = 2 * time.Second

// firstDifference explains in which strand or settled state two histories differ. Where it is in none, they are
// coalesced, or late.
func (c *comparison) firstDifference(recorded, replayed *history) (kind, detail string) {
	a, b := recorded.strands(), replayed.strands()
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range sortedKeys(all) {
		if d := strandDifference(a[name], b[name]); d != "" {
			return changed, name + ": " + d
		}
	}
	if recorded.deleted != replayed.deleted {
		return changed, fmt.Sprintf("deleted: recorded %t, replayed %t", recorded.deleted, replayed.deleted)
	}
	kind = coalesced
	for i := range c.recorded.Steps {
		want, end := recorded.settled(c.recorded.endOf(i)), c.replayed.endOf(i)
		got := replayed.settled(end)
		if got == want {
			continue
		}
		if !replayed.settles(want, end, end+lateness) {
			return changed, fmt.Sprintf("settled after %q: %s", c.recorded.Steps[i].Name, textDifference(want, got))
		}
		kind = late
	}
	return kind, ""
}

// strandDifference shows the first state in which two strands differ.
func strandDifference(a, b []state) string {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return fmt.Sprintf("the replay goes on at %v: %s", b[i].at, difference(before(b, i), b[i].object))
		case i >= len(b):
			return fmt.Sprintf("the recording goes on at %v: %s", a[i].at, difference(before(a, i), a[i].object))
		case a[i].text != b[i].text:
			return fmt.Sprintf("number %d, recorded at %v, replayed at %v: %s", i, a[i].at, b[i].at, difference(a[i].object, b[i].object))
		}
	}
	return ""
}

// before is the state before one, empty before the first.
func before(states []state, i int) Object {
	if i == 0 {
		return Object{}
	}
	return states[i-1].object
}

// compareGroup compares objects with generated names: as many, created and deleted in the same steps, with the same
// histories one by one in order of creation, or at least as a whole.
func (c *comparison) compareGroup(title string, recorded, replayed []*history) {
	c.same("objects "+title+" created", c.recorded.perStep(recorded, createdAt), c.replayed.perStep(replayed, createdAt), changed)
	c.same("objects "+title+" deleted", c.recorded.perStep(recorded, goneAt), c.replayed.perStep(replayed, goneAt), changed)
	c.time("times "+title+" until the last change", c.recorded.latest(recorded), c.replayed.latest(replayed))
	row := Row{Item: "objects " + title, Recorded: fmt.Sprintf("%d histories", len(recorded)), Replayed: fmt.Sprintf("%d histories", len(replayed))}
	a, b := literals(recorded), literals(replayed)
	switch {
	case slices.Equal(a, b):
		row.Verdict = Equal
	default:
		slices.Sort(a)
		slices.Sort(b)
		row.Kind = permuted
		if !slices.Equal(a, b) {
			row.Kind, row.Detail = c.groupDifference(recorded, replayed)
		}
	}
	c.table.Rows = append(c.table.Rows, row)
}

func createdAt(h *history) (time.Duration, bool) { return h.created, true }
func goneAt(h *history) (time.Duration, bool)    { return h.gone, h.deleted }

// GoesAlike reports whether in each step as many pods of each group went as in the recording. Where a taint or a failure
// takes a node's pods, that depends on how the scheduler has broken ties, which is left to other tests.
func GoesAlike(recorded, replayed *Transcript) bool {
	kinds := leftOut[recorded.Name]
	a, b := newSide(recorded.withoutKinds(kinds)), newSide(replayed.withoutKinds(kinds))
	for title, group := range a.histories { //sim:unordered all must agree
		if strings.HasPrefix(title, "Pod/") && a.perStep(group, goneAt) != b.perStep(b.histories[title], goneAt) {
			return false
		}
	}
	return true
}

// perStep counts what happened to objects in each step.
func (s *side) perStep(group []*history, when func(*history) (time.Duration, bool)) string {
	counts := make([]int, len(s.Steps))
	for _, h := range group {
		if at, ok := when(h); ok {
			step, _ := s.stepAt(at)
			counts[step]++
		}
	}
	var parts []string
	for i, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d in %q", n, s.Steps[i].Name))
		}
	}
	return strings.Join(parts, ", ")
}

// latest is how long after its step the last change of a group came, at most.
func (s *side) latest(group []*history) time.Duration {
	last := time.Duration(0)
	for _, h := range group {
		for _, state := range h.states {
			_, began := s.stepAt(state.at)
			last = max(last, state.at-began)
		}
		if h.deleted {
			_, began := s.stepAt(h.gone)
			last = max(last, h.gone-began)
		}
	}
	return last
}

func literals(group []*history) []string {
	var all []string
	for _, h := range group {
		all = append(all, h.literal())
	}
	return all
}

// groupDifference shows the first history that the other group has no equal of; kinds with running fields are compared
// by milestones and settled states, one by one.
func (c *comparison) groupDifference(recorded, replayed []*history) (kind, detail string) {
	if len(recorded) > 0 && len(running[recorded[0].kind]) > 0 && len(recorded) == len(replayed) {
		worst := coalesced
		for i := range recorded {
			switch kind, detail := c.firstDifference(recorded[i], replayed[i]); kind {
			case changed:
				return kind, detail
			case late:
				worst = late
			}
		}
		return worst, ""
	}
	return changed, c.unmatched(recorded, replayed)
}

// unmatched shows a history that the other group has no equal of.
func (c *comparison) unmatched(recorded, replayed []*history) string {
	left := map[string][]*history{}
	for _, h := range recorded {
		left[h.literal()] = append(left[h.literal()], h)
	}
	var replayedOnly *history
	for _, h := range replayed {
		if same := left[h.literal()]; len(same) > 0 {
			left[h.literal()] = same[1:]
		} else if replayedOnly == nil {
			replayedOnly = h
		}
	}
	for _, text := range sortedKeys(left) {
		if len(left[text]) == 0 {
			continue
		}
		h := left[text][0]
		if replayedOnly == nil {
			return fmt.Sprintf("recorded only: the one created as number %d at %v", h.order, h.created)
		}
		_, detail := c.firstDifference(h, replayedOnly)
		return fmt.Sprintf("number %d at %v is recorded only, number %d at %v replayed only: %s",
			h.order, h.created, replayedOnly.order, replayedOnly.created, detail)
	}
	return fmt.Sprintf("replayed only: the one created as number %d at %v", replayedOnly.order, replayedOnly.created)
}

// compareTimes compares how long after the beginning of its step each state of each strand of an object came.
func (c *comparison) compareTimes(item string, recorded, replayed *history) {
	strandsA, strandsB := recorded.strands(), replayed.strands()
	compared := 0
	for _, name := range sortedKeys(strandsA) {
		a, b := strandsA[name], strandsB[name]
		if len(a) != len(b) {
			continue // The history's row says so.
		}
		for i := range a {
			stepA, beganA := c.recorded.stepAt(a[i].at)
			stepB, beganB := c.replayed.stepAt(b[i].at)
			where := fmt.Sprintf("%s, %s, number %d", item, name, i)
			switch {
			case stepA != stepB:
				c.same(where, c.recorded.Steps[stepA].Name, c.replayed.Steps[stepB].Name, timed)
			case !sameTime(a[i].at-beganA, b[i].at-beganB):
				c.time(fmt.Sprintf("%s in %q", where, c.recorded.Steps[stepA].Name), a[i].at-beganA, b[i].at-beganB)
			default:
				compared++
			}
		}
	}
	if compared > 0 {
		c.table.equal(item, fmt.Sprintf("%d changes", compared))
	}
}
