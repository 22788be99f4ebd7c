package runtime

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/sim/host"
)

// Pull brings an image to the node: the manifest, the missing layers at the link's speed, then unpacking. done gets the
// reference and the size.
func (r *Runtime) Pull(caller *host.Process, name string, done func(ref string, bytes int64, err error)) {
	c := r.begin(caller, func(err error) { done("", 0, err) })
	if c == nil {
		return
	}
	image, _ := r.config.Catalogue.Lookup(name)
	r.config.Catalogue.use(name).Pulls++
	wait := r.draws.Duration(purposeManifest, manifestWait)
	if image.PullError != "" {
		r.daemon.After(wait, func() {
			c.end(fmt.Errorf("failed to pull and unpack image %q: %s", Canonical(name), image.PullError))
		})
		return
	}
	missing := r.store.missing(name, image)
	wait += time.Duration(missing/r.config.PullBytesPerSecond)*time.Second +
		time.Duration(missing%r.config.PullBytesPerSecond)*time.Second/time.Duration(r.config.PullBytesPerSecond)
	r.daemon.After(wait, func() {
		r.daemon.ChargeFunc(r.ops.unpack, missing>>20, func() {
			r.store.add(name, image)
			c.answer(func() { done(Reference(name), image.size(), nil) })
		})
	})
}

// Preload puts an image on the node without a pull, as a node image that was built with it.
func (r *Runtime) Preload(name string) {
	image, _ := r.config.Catalogue.Lookup(name)
	r.store.add(name, image)
}
