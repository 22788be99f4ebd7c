package golden

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/fauxkube/fauxkube/cluster/controller/manager"
	"github.com/fauxkube/fauxkube/sim"
)

// recordingsFolder lies beside the repository.
var recordingsFolder = filepath.Join("..", "..", "..", "shared", "reference", "golden")

// replayed are the recordings that are replayed. In some a node loses its pods, whose number depends on the scheduler's
// ties: of these, replays are compared in which as many pods go as in the recording.
var replayed = []struct {
	name  string
	alike bool
}{
	{name: "deployment"},
	{name: "deployment-recreate"},
	{name: "unschedulable"},
	{name: "service-endpointslice"},
	{name: "pdb"},
	{name: "namespace-delete"},
	{name: "taints", alike: true},
	{name: "node-failure", alike: true},
}

// missingControllers are those without which a recording is not replayed, or replayed in part, by what they bring.
var missingControllers = map[string]string{
	"daemonset": "daemonset-controller", "job": "job-controller", "pvc-pv": "persistentvolume-binder-controller",
	"resourcequota": "resourcequota-controller", "statefulset": "statefulset-controller",
	"the StatefulSet in node-failure": "statefulset-controller", "the DaemonSet in node-failure": "daemonset-controller",
}

const (
	// replays is how many seeds of each recording are compared: what a tolerance is for does not happen with every seed.
	replays = 3
	// maxSeeds is how many are tried for that.
	maxSeeds = 24
)

// What is left out for want of a controller is replayed once there is one.
func TestGoldenIsAsCompleteAsTheCluster(t *testing.T) {
	served := map[string]bool{}
	for _, e := range manager.Table(netip.Prefix{}) {
		served[e.Name] = true
	}
	for _, what := range sortedKeys(missingControllers) {
		if controller := missingControllers[what]; served[controller] {
			t.Errorf("there is a %s: replay %s", controller, what)
		} else if testing.Verbose() {
			fmt.Printf("not replayed: %s, for want of a %s\n", what, controller)
		}
	}
}

// load reads a recording, or skips the test where there is none.
func load(t *testing.T, name string) (folder string, recording *Transcript) {
	t.Helper()
	folder = filepath.Join(recordingsFolder, name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no recording to compare with: %v", err)
	}
	recording, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return folder, recording
}

// The simulated cluster does what the recorded one did, but for declared differences, and each of these is still
// needed. `make golden` prints the tables of the first seeds.
func TestGoldenRecordings(t *testing.T) {
	tolerances := Tolerances()
	for _, r := range replayed {
		folder, recording := load(t, r.name)
		compared := 0
		for seed := uint64(1); compared < replays && seed <= maxSeeds; seed++ {
			replay, err := Replay(folder, recording, sim.Config{Seed: seed})
			if err != nil {
				t.Errorf("%s, seed %d: %v", r.name, seed, err)
				break
			}
			if r.alike && !GoesAlike(recording, replay) {
				continue
			}
			table := Compare(recording, replay, tolerances)
			if compared++; compared == 1 && testing.Verbose() {
				fmt.Println(table)
			}
			for _, row := range table.Rows {
				if row.Verdict == Different {
					t.Errorf("%s, seed %d: %s: recorded %s, replayed %s\n%s", r.name, seed, row.Item, row.Recorded, row.Replayed, row.Detail)
				}
			}
		}
		if compared == 0 {
			t.Errorf("%s: with none of %d seeds as many pods go as in the recording", r.name, maxSeeds)
		}
	}
	for _, tolerance := range tolerances {
		if tolerance.used == 0 {
			t.Errorf("no recording needs to tolerate any more that in %s something is %s: remove it", tolerance.Items, tolerance.Kind)
		}
	}
}
