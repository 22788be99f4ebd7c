package failpoints

import (
	"testing"

	"github.com/fauxkube/fauxkube/sim"
)

func TestBugsBelongToOneSimulation(t *testing.T) {
	a, b := sim.New(sim.Config{NoWatchdog: true}), sim.New(sim.Config{NoWatchdog: true})
	defer a.Close()
	defer b.Close()
	Plant(a, "x")
	if !Planted(a, "x") || Planted(a, "y") || Planted(b, "x") {
		t.Fatal("a bug is where it was not planted, or is not where it was")
	}
	if err := Of(a).Disable("x"); err != nil {
		t.Fatal(err)
	}
	if Planted(a, "x") {
		t.Fatal("a bug cannot be taken back")
	}
}
