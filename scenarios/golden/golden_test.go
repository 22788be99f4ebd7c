package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fauxkube/fauxkube/sim"
)

// recordingsFolder lies beside the repository.
var recordingsFolder = filepath.Join("..", "..", "..", "shared", "reference", "golden")

// recordings are those that are replayed.
var recordings = []string{"deployment", "deployment-recreate", "unschedulable"}

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
// needed. `make golden` prints the tables.
func TestGoldenRecordings(t *testing.T) {
	tolerances := Tolerances()
	for _, name := range recordings {
		folder, recording := load(t, name)
		replayed, err := Replay(folder, recording, sim.Config{Seed: 1})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		table := Compare(recording, replayed, tolerances)
		if testing.Verbose() {
			fmt.Println(table)
		}
		for _, r := range table.Rows {
			if r.Verdict == Different {
				t.Errorf("%s: %s: recorded %s, replayed %s\n%s", name, r.Item, r.Recorded, r.Replayed, r.Detail)
			}
		}
	}
	for _, tolerance := range tolerances {
		if tolerance.used == 0 {
			t.Errorf("no recording needs to tolerate that in %s something is %s any more: remove it", tolerance.Items, tolerance.Kind)
		}
	}
}
