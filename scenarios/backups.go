package scenarios

import (
	"bytes"
	"fmt"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/sim"
)

// compileEtcd reads the backup of a step that restores, unless an earlier step of the run writes it.
func (p *plan) compileEtcd(step *plannedStep, i int, field string) error {
	path := step.Etcd.Restore
	if path == "" {
		return nil
	}
	if p.scenario.Spec.Store != nil {
		return p.problem(step.Line, field+".etcd.restore", fmt.Errorf("beside store: what was acknowledged after the backup would be lost"))
	}
	for _, earlier := range p.steps[:i] {
		if earlier.Etcd != nil && earlier.Etcd.SnapshotSave == path {
			return nil
		}
	}
	data, err := read(p.scenario, path)
	if err == nil {
		step.backup, err = readBackup(path, data)
	}
	if err != nil {
		return p.problem(step.Line, field+".etcd.restore", err)
	}
	return nil
}

func readBackup(path string, data []byte) (*cluster.Backup, error) {
	b, err := cluster.ReadBackup(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// restoreFrom lets a cluster begin with a backup, where there is one.
func restoreFrom(data []byte, topology *cluster.Topology) error {
	if data == nil {
		return nil
	}
	b, err := cluster.ReadBackup(bytes.NewReader(data))
	topology.Restore = b
	if err != nil {
		return fmt.Errorf("the store cannot be restored: %w", err)
	}
	return nil
}

func describeEtcd(e *format.Etcd) string {
	switch {
	case e.SnapshotSave != "":
		return "save a snapshot of the store to " + e.SnapshotSave
	case e.BumpRevision > 0:
		return fmt.Sprintf("restore the store from %s, %d revisions later", e.Restore, e.BumpRevision)
	default:
		return "restore the store from " + e.Restore
	}
}

// actOnStore saves the store's state, or puts a saved one in its place.
func (r *run) actOnStore(t *sim.Task, s *step) (string, error) {
	if s.Etcd.SnapshotSave != "" {
		return r.saveStore(t, s.Etcd.SnapshotSave)
	}
	b := s.backup
	if saved, ok := r.saved[s.Etcd.Restore]; ok {
		var err error
		if b, err = readBackup(s.Etcd.Restore, saved); err != nil {
			return "", err
		}
	}
	if b == nil {
		return "", fmt.Errorf("%s has not been written yet", s.Etcd.Restore)
	}
	if bump := int64(s.Etcd.BumpRevision); bump > 0 {
		b = b.Bump(bump)
	}
	before := r.cluster.Store().Revision()
	if err := r.cluster.RestoreStore(t, b); err != nil {
		return "", err
	}
	return fmt.Sprintf("revision %d in place of %d", b.Revision(), before), nil
}

func (r *run) saveStore(t *sim.Task, path string) (string, error) {
	b, err := r.cluster.SaveStore(t)
	if err != nil {
		return "", err
	}
	var file bytes.Buffer
	if err := cluster.WriteBackup(&file, b); err != nil {
		return "", err
	}
	if err := write(r.plan.scenario, path, file.Bytes()); err != nil {
		return "", fmt.Errorf("%s cannot be written: %w", path, err)
	}
	r.saved[path] = file.Bytes()
	return fmt.Sprintf("revision %d, %d keys, %d bytes", b.Revision(), len(b.Keys.Living()), file.Len()), nil
}
