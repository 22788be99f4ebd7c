package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What commandLine prints, a shell takes apart into the words that went in: commands that repeat a run can be pasted.
func TestCommandLinesCanBePasted(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh")
	}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[ -~é\n]{0,12}`), 1, 4).Draw(t, "words")
		out, err := exec.Command(shell, "-c", `show() { for word; do printf '%s\001' "$word"; done; }; show `+commandLine(words...)).Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x01"), "\x01")
		if !slices.Equal(got, words) {
			t.Fatalf("%q printed as %s came back as %q", words, commandLine(words...), got)
		}
	})
}

func TestCommandLinesStayReadable(t *testing.T) {
	got := commandLine("fauxkube", "run", "-f", "my app/it's.yaml", "--seed", "7")
	if want := `fauxkube run -f 'my app/it'\''s.yaml' --seed 7`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s, want %s", n, got, want)
		}
	}
}
