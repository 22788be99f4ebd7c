package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/reports/comparison"
	"github.com/fauxkube/fauxkube/scenarios/compare"
	"github.com/fauxkube/fauxkube/workloads/openb"
)

// slowly runs the cells of a subject, and interrupts after some of them.
type slowly struct {
	compare.Subject
	after     int
	interrupt func()
}

func (s *slowly) Run(ctx context.Context, c compare.Cell) (comparison.Run, error) {
	if s.after--; s.after == 0 {
		s.interrupt()
	}
	return s.Subject.Run(ctx, c)
}

func traceFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	pods := "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n"
	for i := range 30 {
		pods += fmt.Sprintf("p%02d,1000,1024,1,%d\n", i, 200+100*(i%9))
	}
	for name, content := range map[string]string{
		openb.NodeFile: "sn,cpu_milli,memory_mib,gpu,model\na,64000,65536,4,T4\nb,64000,65536,4,T4\nc,64000,65536,2,T4\n", "pods.csv": pods,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A comparison that is interrupted leaves what it has, and the same command makes of it what it would have made
// without the interruption.
func TestInterruptedComparisonResumes(t *testing.T) {
	folder, results := traceFolder(t), t.TempDir()
	flags := func(name string) *compareFlags {
		return &compareFlags{
			options: compare.Options{Trace: folder, Pods: []string{"pods.csv"}, Schedulers: []string{"fgd", "bestfit"}},
			seeds:   seedCount{1, 2, 3, 4, 5, 6}, jobs: 1, quiet: true, files: comparisonFiles{json: filepath.Join(results, name)},
		}
	}
	out, err := os.Create(filepath.Join(results, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	a := &app{out: out, err: out}
	if err := a.compare(t.Context(), flags("whole.json"), []string{"openb"}); err != nil {
		t.Fatal(err)
	}

	ctx, interrupt := context.WithCancel(t.Context())
	f := flags("resumed.json")
	subject, err := f.subject([]string{"openb"})
	if err != nil {
		t.Fatal(err)
	}
	err = a.compareOn(ctx, f, &slowly{subject, 5, interrupt})
	if !errors.Is(err, errInterrupted) {
		t.Fatalf("interrupted: %v", err)
	}
	partial := read(t, f.files.json)
	if !bytes.Contains(partial, []byte(`"partial": "interrupted after 5 of 12 runs; the same command resumes it"`)) {
		t.Errorf("what is left says %s", partial[:min(len(partial), 600)])
	}
	if kept := read(t, f.files.json+".runs"); bytes.Count(kept, []byte("\n")) != 6 {
		t.Errorf("a header and 5 runs are kept as %d lines", bytes.Count(kept, []byte("\n")))
	}
	counted := &slowly{subject, 1 << 30, nil}
	if err := a.compareOn(t.Context(), f, counted); err != nil {
		t.Fatal(err)
	}
	if done := 1<<30 - counted.after; done != 7 {
		t.Errorf("%d runs are done after 5 of 12 were there", done)
	}
	if a, b := withoutHost(t, f.files.json), withoutHost(t, flags("whole.json").files.json); a != b {
		t.Error("the resumed comparison differs from the whole one")
	}
	if _, err := os.Stat(f.files.json + ".runs"); !os.IsNotExist(err) {
		t.Errorf("the list of finished runs: %v", err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withoutHost is a result without what its runs took.
func withoutHost(t *testing.T, path string) string {
	t.Helper()
	d, err := comparison.Decode(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	runs := d.Runs()
	for i := range runs {
		runs[i].Host = 0
	}
	return string(comparison.New(d.Header, d.Metrics, runs).JSON())
}

// panicking breaks down in one cell.
type panicking struct{ compare.Subject }

func (p panicking) Run(ctx context.Context, c compare.Cell) (comparison.Run, error) {
	if c.Seed == 2 {
		panic("the planted panic")
	}
	return p.Subject.Run(ctx, c)
}

func TestPanicInAComparisonIsABug(t *testing.T) {
	f := &compareFlags{options: compare.Options{Trace: traceFolder(t), Pods: []string{"pods.csv"}, Schedulers: []string{"fgd"}}, seeds: seedCount{1, 2}}
	subject, err := f.subject([]string{"openb"})
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	err = (&app{out: null, err: null}).compareOn(t.Context(), f, panicking{subject})
	if status(err) != statusBug || !strings.Contains(err.Error(), "scenario pods, scheduler fgd, seed 2") || !strings.Contains(err.Error(), "fauxkube compare openb --trace") {
		t.Errorf("status %d: %v", status(err), err)
	}
}

func TestRemaining(t *testing.T) {
	for _, test := range []struct {
		took       time.Duration
		done, left int64
		want       string
	}{{time.Minute, 0, 10, ""}, {time.Minute, 6, 3, "30s left"}, {10 * time.Second, 5, 600, "20m0s left"}, {time.Second, 9, 0, "0s left"}} {
		if got := remaining(test.took, test.done, test.left); got != test.want {
			t.Errorf("%d runs in %v, %d left: %q, want %q", test.done, test.took, test.left, got, test.want)
		}
	}
}
