package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
)

// Defaults of an image that nobody described.
const (
	DefaultImageBytes = 100 << 20       // 100 MiB
	DefaultStartup    = time.Second     // from the start request to a running process
	DefaultStopAfter  = time.Second     // from SIGTERM to the exit
	DefaultRunFor     = time.Second     // of a container whose end the pod waits for: an init container, or one that is not restarted when it succeeds
	DefaultExitCode   = 0               // of a process that ends by itself or on SIGTERM
	layerShare        = "default layer" // label of the only layer of an undescribed image
)

// Layer is one layer of an image: images that name the same digest share it on disk and download it once.
type Layer struct {
	Digest string
	Bytes  int64
}

// Image says how containers of an image behave. The zero value of every field means the default.
type Image struct {
	Bytes  int64   // size where Layers is empty; 0: 100 MiB
	Layers []Layer // instead of Bytes

	Startup   time.Duration // 0: 1 s; negative: at once
	ReadyIn   time.Duration // readiness and startup probes fail until this long after the start
	StopAfter time.Duration // from SIGTERM to the exit; 0: 1 s; negative: at once

	RunFor        time.Duration // the process ends by itself this long after its start; 0: never, or after DefaultRunFor where its pod waits for that
	ExitCode      int32         // with which it does so
	TermExitCode  int32         // with which it ends on SIGTERM: 0, or 143 for a process that does not handle it
	Crashes       int32         // only this many first attempts end after RunFor; 0: every one
	IgnoreSIGTERM bool          // only SIGKILL ends it
	OOMKilled     bool          // its own end is the kernel's out-of-memory kill (exit code 137)

	FailLiveness  bool   // liveness probes fail
	FailReadiness bool   // readiness probes fail
	FailStartup   bool   // startup probes fail
	PullError     string // the registry's answer to a pull: the pull fails with it
	StartError    string // the runtime's answer to a start
}

func (i *Image) size() int64 {
	if len(i.Layers) == 0 {
		if i.Bytes == 0 {
			return DefaultImageBytes
		}
		return i.Bytes
	}
	var sum int64
	for _, l := range i.Layers {
		sum += l.Bytes
	}
	return sum
}

// orDefault maps 0 to the default and negative to 0.
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}

// Catalogue is what the registry of one simulation holds: the images that the scenario describes, and a default
// behaviour for every other name. All nodes of a simulation share one.
type Catalogue struct {
	images map[string]*Image
	used   map[string]*Use
}

// Use records that a simulation ran an image, for the report.
type Use struct {
	Image     string
	Described bool // by the scenario: otherwise all defaults were used
	Pulls     int
	Starts    int
}

// NewCatalogue returns a registry of the given images by name. A name without a tag means every tag of it.
func NewCatalogue(images map[string]Image) *Catalogue {
	c := &Catalogue{images: make(map[string]*Image, len(images)), used: map[string]*Use{}}
	for name, image := range images { //sim:unordered builds another map
		c.images[name] = &image
	}
	return c
}

var defaultImage = &Image{}

// Lookup returns how an image behaves and whether the scenario described it: by its full name, else by its name
// without tag or digest.
func (c *Catalogue) Lookup(name string) (*Image, bool) {
	if i, ok := c.images[name]; ok {
		return i, true
	}
	if i, ok := c.images[Repository(name)]; ok {
		return i, true
	}
	return defaultImage, false
}

func (c *Catalogue) use(name string) *Use {
	u := c.used[name]
	if u == nil {
		_, described := c.Lookup(name)
		u = &Use{Image: name, Described: described}
		c.used[name] = u
	}
	return u
}

// Uses returns every image that was pulled or started, by name.
func (c *Catalogue) Uses() []Use {
	out := make([]Use, 0, len(c.used))
	for _, name := range slices.Sorted(maps.Keys(c.used)) {
		out = append(out, *c.used[name])
	}
	return out
}

// Repository returns an image's name without tag and digest.
func Repository(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		return name[:colon]
	}
	return name
}

// WithDefaultTag returns name:latest for a name without tag and digest, as the kubelet does before it pulls.
func WithDefaultTag(name string) string {
	if name == Repository(name) {
		return name + ":latest"
	}
	return name
}

// Canonical returns the name that containerd reports: with registry, library and tag ("nginx" is
// "docker.io/library/nginx:latest").
func Canonical(name string) string {
	name = WithDefaultTag(name)
	first, rest, slash := strings.Cut(name, "/")
	switch {
	case !slash:
		return "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		return "docker.io/" + first + "/" + rest
	}
	return name
}

// Digest returns the digest of an image, derived from its name: sha256:<64 hexadecimal digits>.
func Digest(name string) string {
	if _, digest, ok := strings.Cut(name, "@"); ok {
		return digest
	}
	sum := sha256.Sum256([]byte(Canonical(name)))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Reference returns an image's name with its digest, as containerStatuses[].imageID shows it.
func Reference(name string) string {
	return Repository(Canonical(name)) + "@" + Digest(name)
}
