package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value *string
	words []string
}

func newChoice(value *string, words ...string) *choice { return &choice{value, words} }

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return "word" }
func (c *choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		return fmt.Errorf("want one of %s", strings.Join(c.words, ", "))
	}
	*c.value = text
	return nil
}

func completeChoices(c *cobra.Command, flag string, words ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// duration is a flag that takes a time above zero.
type duration time.Duration

func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}
func (d *duration) Type() string { return "duration" }
func (d *duration) Set(text string) error {
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("want a duration: 500ms, 90s, 1m30s or 2h")
	}
	if parsed <= 0 {
		return errors.New("want a duration above zero")
	}
	*d = duration(parsed)
	return nil
}

// seeds is a flag that takes a set of seeds.
type seeds format.Seeds

func (s *seeds) String() string {
	switch len(*s) {
	case 0:
		return ""
	case 1:
		return fmt.Sprint((*s)[0])
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(*s), "[]"), " ", ",")
}
func (s *seeds) Type() string { return "seeds" }
func (s *seeds) Set(text string) error {
	parsed, err := format.ParseSeeds(text)
	*s = seeds(parsed)
	return err
}

// seedCount is a flag that takes a number of seeds, or a set of them.
type seedCount seeds

func (s *seedCount) String() string { return (*seeds)(s).String() }
func (s *seedCount) Type() string   { return "seeds" }
func (s *seedCount) Set(text string) error {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 {
			return errors.New("want at least 1 seed")
		}
		text = fmt.Sprintf("1-%d", n)
	}
	return (*seeds)(s).Set(text)
}

// oneSeed is a flag that takes one of them.
type oneSeed seeds

func (s *oneSeed) String() string { return (*seeds)(s).String() }
func (s *oneSeed) Type() string   { return "seed" }
func (s *oneSeed) Set(text string) error {
	seed, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return errors.New("want a whole number; several seeds go with --seeds")
	}
	*s = oneSeed{seed}
	return nil
}

// mode is a flag that takes a kernel mode.
type mode sim.Mode

func (m *mode) String() string { return sim.Mode(*m).String() }
func (m *mode) Type() string   { return "mode" }
func (m *mode) Set(text string) error {
	for _, known := range []sim.Mode{sim.Benchmark, sim.Hunt} {
		if text == known.String() {
			*m = mode(known)
			return nil
		}
	}
	return errors.New("want benchmark or hunt")
}

const modeUsage = "`MODE`: benchmark keeps the order of one instant's events, hunt draws it and delays some"

// count is a flag that takes a whole number of at least one.
type count int

func (n *count) String() string {
	if *n == 0 {
		return ""
	}
	return fmt.Sprint(int(*n))
}
func (n *count) Type() string { return "number" }
func (n *count) Set(text string) error {
	parsed, err := strconv.Atoi(text)
	if err != nil || parsed < 1 {
		return errors.New("want a whole number of at least 1")
	}
	*n = count(parsed)
	return nil
}
