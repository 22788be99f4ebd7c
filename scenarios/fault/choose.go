package fault

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/fauxkube/fauxkube/sim"
)

// choice is a mode with its value: how many of the selected are hit.
type choice struct {
	mode  string
	value int
}

// parseChoice checks mode and value. Chaos Mesh's own kinds must have a mode; ours hit one unless told otherwise.
func (d *document) parseChoice(field, mode, value string) (choice, error) {
	if mode == "" && d.kind.APIVersion == chaosMesh {
		return choice{}, d.fail(field, "mode is missing: want one of one, all, fixed, fixed-percent, random-max-percent")
	}
	c := choice{mode: mode}
	switch mode {
	case "", "one", "all":
		if value != "" {
			return choice{}, d.fail(field, "mode %s takes no value", cmp.Or(mode, "one"))
		}
		return c, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || mode != "fixed" && n > 100 {
		want := "a number of 0 or more"
		if mode != "fixed" {
			want = "a percentage from 0 to 100"
		}
		return choice{}, d.fail(field, "mode %s has the value %q: want %s", mode, value, want)
	}
	c.value = n
	return c, nil
}

// draws makes choices from the seed, the step's ID and names, and nothing else.
type draws struct{ key uint64 }

func newDraws(seed uint64, id string) draws {
	return draws{sim.Mix(seed, sim.HashString("fault/"+id))}
}

func (d draws) rank(name string) uint64 { return sim.Mix(d.key, sim.HashString(name)) }

// of returns the names that are hit, in the order of their names.
func (c choice) of(names []string, d draws) []string {
	n := len(names)
	switch c.mode {
	case "", "one":
		n = min(n, 1)
	case "fixed":
		n = min(n, c.value)
	case "fixed-percent": // Chaos Mesh rounds down too.
		n = n * c.value / 100
	case "random-max-percent":
		n = n * int(d.rank("percent")%uint64(c.value+1)) / 100
	}
	chosen := slices.Clone(names)
	slices.SortFunc(chosen, func(a, b string) int { return cmp.Or(cmp.Compare(d.rank(a), d.rank(b)), cmp.Compare(a, b)) })
	chosen = chosen[:n]
	slices.Sort(chosen)
	return chosen
}

func (c choice) String() string {
	if c.mode == "" {
		return "one"
	}
	if c.mode == "one" || c.mode == "all" {
		return c.mode
	}
	return fmt.Sprintf("%s %d", c.mode, c.value)
}
