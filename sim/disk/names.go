package disk

import (
	"maps"
	"slices"
	"strings"
)

// nameChange is a creation (from is empty), a removal (to is empty) or a renaming that is not durable yet.
type nameChange struct {
	from, to string
	file     *inode
}

func (x *nameChange) apply(names map[string]*inode) {
	if x.from != "" {
		delete(names, x.from)
	}
	if x.to != "" {
		names[x.to] = x.file
	}
}

// Open returns the file of that name, which it creates if there is none. The new name survives a crash for sure only
// after SyncDirectory.
func (d *Disk) Open(name string) *File {
	n, ok := d.names[name]
	if !ok {
		n = &inode{disk: d}
		d.changeName(nameChange{to: name, file: n})
	}
	return &File{inode: n, name: name}
}

// Exists reports whether there is a file of that name.
func (d *Disk) Exists(name string) bool { return d.names[name] != nil }

// List returns the names that begin with prefix, sorted.
func (d *Disk) List(prefix string) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	return found
}

// Rename gives a file another name, at once and as a whole, replacing what had it.
func (d *Disk) Rename(from, to string) error {
	n, ok := d.names[from]
	if !ok {
		return ErrNotExist
	}
	if from == to {
		return nil
	}
	if old := d.names[to]; old != nil {
		d.used -= old.now.size
	}
	d.changeName(nameChange{from: from, to: to, file: n})
	return nil
}

// Remove takes a file's name away.
func (d *Disk) Remove(name string) error {
	n, ok := d.names[name]
	if !ok {
		return ErrNotExist
	}
	d.used -= n.now.size
	d.changeName(nameChange{from: name, file: n})
	return nil
}

func (d *Disk) changeName(x nameChange) {
	x.apply(d.names)
	d.pending = append(d.pending, x)
}

// SyncDirectory makes all creations, renames and removals before this call durable and then calls done, as Sync does.
func (d *Disk) SyncDirectory(done func(error)) {
	r := d.newRequest()
	r.upTo, r.synced = d.applied+uint64(len(d.pending)), done
	d.sync(r)
}

func (d *Disk) persistNames(r *request) {
	count := int(r.upTo - min(r.upTo, d.applied))
	if !r.fails {
		for i := range d.pending[:count] {
			d.pending[i].apply(d.durable)
		}
	}
	d.applied += uint64(count)
	rest := copy(d.pending, d.pending[count:])
	clear(d.pending[rest:]) // A removed file's content goes with its name.
	d.pending = d.pending[:rest]
}
