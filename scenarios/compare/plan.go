package compare

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/fauxkube/fauxkube/reports/comparison"
)

// Cell names one run.
type Cell struct {
	Scheduler, Scenario string
	Seed                uint64
}

func (c Cell) String() string {
	return fmt.Sprintf("scenario %s, scheduler %s, seed %d", c.Scenario, c.Scheduler, c.Seed)
}

// Subject is what schedulers are compared on.
type Subject interface {
	// Header names schedulers, scenarios and seeds. Binary is the caller's to fill in.
	Header() comparison.Header
	// Metrics describes what runs measure; the first decides who leads.
	Metrics() []comparison.Metric
	// Run runs one cell. It may be called for several at once. Once ctx has ended, it returns ctx's error and no run.
	Run(ctx context.Context, c Cell) (comparison.Run, error)
}

// All runs everything, one run after the other, and returns the comparison.
func All(ctx context.Context, s Subject) (*comparison.Document, error) {
	var runs []comparison.Run
	for _, c := range Cells(s.Header()) {
		r, err := s.Run(ctx, c)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return comparison.New(s.Header(), s.Metrics(), runs), nil
}

// Cells are the runs of a comparison in the order in which they are done: whole seeds first, so that a comparison that
// is stopped has pairs.
func Cells(h comparison.Header) []Cell {
	var cells []Cell
	for _, scenario := range h.Scenarios {
		for _, seed := range h.Seeds {
			for _, scheduler := range h.Schedulers {
				cells = append(cells, Cell{scheduler, scenario.Name, seed})
			}
		}
	}
	return cells
}

func cellOf(r *comparison.Run) Cell { return Cell{r.Scheduler, r.Scenario, r.Seed} }

// Shard is one of several parts of a comparison. The zero value is all of it.
type Shard struct{ Number, Of int }

// ParseShard reads "2/3": the second of three.
func ParseShard(text string) (Shard, error) {
	number, of, found := strings.Cut(text, "/")
	var s Shard
	var err1, err2 error
	s.Number, err1 = strconv.Atoi(number)
	s.Of, err2 = strconv.Atoi(of)
	if !found || err1 != nil || err2 != nil || s.Number < 1 || s.Number > s.Of {
		return Shard{}, errors.New("want a number and how many there are: 1/3, 2/3 or 3/3")
	}
	return s, nil
}

func (s Shard) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Number, s.Of)
}

// Part are the cells that the shard does: every Of-th.
func (s Shard) Part(cells []Cell) []Cell {
	if s.Of == 0 {
		return cells
	}
	var part []Cell
	for i := s.Number - 1; i < len(cells); i += s.Of {
		part = append(part, cells[i])
	}
	return part
}

// Without are the cells that no run has done yet.
func Without(cells []Cell, runs []comparison.Run) []Cell {
	done := map[Cell]bool{}
	for i := range runs {
		done[cellOf(&runs[i])] = true
	}
	var left []Cell
	for _, c := range cells {
		if !done[c] {
			left = append(left, c)
		}
	}
	return left
}

// Differ names the first part in which two headers differ; empty for equal ones. Runs under headers that differ do not
// belong together.
func Differ(a, b comparison.Header) string {
	for _, part := range []struct {
		name string
		a, b any
	}{
		{"format", a.Version, b.Version}, {"the binary that ran it", a.Binary, b.Binary}, {"subject", a.Subject, b.Subject},
		{"the rule for ties", a.Ties, b.Ties}, {"schedulers", a.Schedulers, b.Schedulers}, {"seeds", a.Seeds, b.Seeds},
		{"scenarios", a.Scenarios, b.Scenarios}, {"what schedulers are configured to do", a.Details, b.Details},
	} {
		if x, y := fmt.Sprintf("%q", part.a), fmt.Sprintf("%q", part.b); x != y {
			return part.name
		}
	}
	return ""
}
