package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/scenarios"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
)

func (a *app) etcdCommand() *cobra.Command {
	snapshot := &cobra.Command{
		Use:   "snapshot",
		Short: "Save the store of a run to a file, look at the file, begin with it",
		Args:  noSuchVerb,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	snapshot.AddCommand(a.snapshotSaveCommand(), a.snapshotStatusCommand(), a.snapshotRestoreCommand())
	c := &cobra.Command{
		Use:   "etcd",
		Short: "Backups of the store",
		Args:  noSuchVerb,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(snapshot)
	return c
}

// snapshotFlags are the flags of snapshot save.
type snapshotFlags struct {
	output string
	at     duration
	seed   seeds
	mode   mode
}

func (a *app) snapshotSaveCommand() *cobra.Command {
	f := &snapshotFlags{}
	c := &cobra.Command{
		Use:   "save SCENARIO -o FILE",
		Short: "Run a scenario and save its store to a file",
		Long: `Run a scenario until --at, or until its last step is done, and save the state of its store to a file: every key with
its history since the last compaction, and the leases. The objects in it are encoded as a real API server stores them.

The run ends with the snapshot; what the scenario expects is not asked. Exit status: 0 saved; 1 the run ended before;
2 bad files or flags; 3 a bug of Fauxkube.`,
		Example: `  fauxkube etcd snapshot save quickstart -o store.db --at 2m
  fauxkube etcd snapshot status store.db
  fauxkube etcd snapshot restore store.db quickstart`,
		Args:              exactly(1, "a SCENARIO"),
		ValidArgsFunction: completeOneScenario,
		RunE:              func(c *cobra.Command, args []string) error { return a.saveSnapshot(c.Context(), f, args[0]) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "`FILE` to write")
	flags.Var(&f.at, "at", "simulated `TIME` of the snapshot, since the steps began (default: when the last step is done)")
	flags.Var((*oneSeed)(&f.seed), "seed", "`SEED`, in place of the scenario's first")
	flags.Var(&f.mode, "mode", modeUsage)
	if err := c.MarkFlagRequired("output"); err != nil {
		panic(err)
	}
	return c
}

// snapshotStep is the ID of the step by which save has its snapshot taken.
const snapshotStep = "etcd snapshot save"

func (a *app) saveSnapshot(ctx context.Context, f *snapshotFlags, argument string) error {
	sources, err := a.load(argument, false)
	if err != nil {
		return err
	}
	if len(sources) != 1 {
		return fmt.Errorf("%s holds %d scenarios: a snapshot is of one", argument, len(sources))
	}
	path, err := filepath.Abs(f.output)
	if err != nil {
		return err
	}
	writable, err := createOutput("--output", f.output)
	if err != nil {
		return err
	}
	writable.discard() // The step writes it.
	s := *sources[0].scenario
	step := format.Step{Name: snapshotStep, ID: snapshotStep, Etcd: &format.Etcd{SnapshotSave: path}}
	step.At, step.HasAt = format.Duration(f.at), f.at > 0 || len(s.Spec.Steps) == 0
	s.Spec.Steps = append(slices.Clip(s.Spec.Steps), step)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	saved := false
	j := newJob(source{&s, []string{argument}}, scenarios.Options{
		Seed: seedsOf(sources[0], f.seed)[0], Mode: sim.Mode(f.mode),
		StepEnded: func(id string) {
			if id == snapshotStep {
				saved = true
				cancel()
			}
		},
	})
	line := a.newProgressLine(false)
	j.options.Progress = line.of(j)
	report, err := a.execute(ctx, j)
	line.clear()
	if err != nil {
		return err
	}
	if !saved {
		return a.notSaved(ctx, report)
	}
	return a.showSnapshot(f.output, false)
}

// notSaved says why a run ended before its snapshot.
func (a *app) notSaved(ctx context.Context, r *reports.Report) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	if r.Verdict == reports.Held {
		r.Verdict = reports.Failed
	}
	fmt.Fprintln(a.out, "the run ended before the snapshot")
	if err := a.printFailures(r, ""); err != nil {
		return err
	}
	return errFailed
}

func (a *app) snapshotStatusCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "status FILE",
		Short: "Check a file with a backup of the store and say what is in it",
		Long: `Check a file with a backup of the store and say what is in it. A file that is cut short, or has one wrong bit, is
refused.`,
		Example: "  fauxkube etcd snapshot status store.db",
		Args:    exactly(1, "a FILE"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.showSnapshot(args[0], asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// snapshotStatus is what is known of a backup.
type snapshotStatus struct {
	File      string         `json:"file"`
	Taken     string         `json:"taken"`
	Revision  int64          `json:"revision"`
	Compacted int64          `json:"compactRevision"` // -1 is not.
	Keys      int            `json:"keys"`
	Revisions int            `json:"revisions"`
	Leases    int            `json:"leases"`
	Bytes     int            `json:"bytes"`
	SHA256    string         `json:"sha256"`
	Objects   map[string]int `json:"objects"`
	kinds     []cluster.KindCount
}

func (a *app) showSnapshot(path string, asJSON bool) error {
	data, b, err := readSnapshot(path)
	if err != nil {
		return err
	}
	contents := cluster.ContentsOf(b)
	s := snapshotStatus{
		File: path, Taken: b.Taken.Time().UTC().Format(time.RFC3339Nano), Revision: b.Revision(), Compacted: b.Keys.CompactRevision(),
		Keys: contents.Keys, Revisions: contents.Revisions, Leases: len(b.Leases), Bytes: len(data),
		SHA256: fmt.Sprintf("%x", sha256.Sum256(data)), Objects: map[string]int{}, kinds: contents.Objects,
	}
	for _, k := range contents.Objects {
		s.Objects[k.Kind] = k.Count
	}
	if asJSON {
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, "%s\n", text)
		return err
	}
	return s.write(a)
}

func (s *snapshotStatus) write(a *app) error {
	compacted := "never"
	if s.Compacted > 0 {
		compacted = fmt.Sprintf("at revision %d", s.Compacted)
	}
	var kinds []string
	for _, k := range s.kinds {
		kinds = append(kinds, fmt.Sprintf("%d %s", k.Count, k.Kind))
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"file", s.File}, {"bytes", fmt.Sprint(s.Bytes)}, {"sha256", s.SHA256}, {"taken", s.Taken},
		{"revision", fmt.Sprint(s.Revision)}, {"compacted", compacted}, {"keys", fmt.Sprint(s.Keys)},
		{"revisions", fmt.Sprint(s.Revisions)}, {"leases", fmt.Sprint(s.Leases)}, {"objects", strings.Join(kinds, ", ")},
	} {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	return w.Flush()
}

// readSnapshot reads a file with a backup and checks it.
func readSnapshot(path string) ([]byte, *cluster.Backup, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s cannot be read: %w", path, reason(err))
	}
	b, err := cluster.ReadBackup(bytes.NewReader(data))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, b, nil
}

func (a *app) snapshotRestoreCommand() *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "restore FILE (SCENARIO | -f MANIFEST...)",
		Short: "Run a scenario on a new cluster that begins with a saved store",
		Long: `Run a scenario on a new cluster whose store begins with the state in a file: the same as run SCENARIO --restore FILE.
Members, terms and positions in the log are new; keys, revisions, history and leases are those of the file. The run's
clock starts when the snapshot was taken, unless the scenario has a startTime.

Nodes in the file that the scenario's nodePools do not bring have lost their machines, and the cluster will notice.`,
		Example: "  fauxkube etcd snapshot restore store.db quickstart",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && len(f.manifests) == 0 {
				return errors.New("restore wants a SCENARIO or -f MANIFEST behind the FILE, got neither; see `fauxkube etcd snapshot restore --help`")
			}
			f.restore = args[0]
			return a.run(c.Context(), f, args[1:])
		},
	}
	f.add(c)
	return c
}
