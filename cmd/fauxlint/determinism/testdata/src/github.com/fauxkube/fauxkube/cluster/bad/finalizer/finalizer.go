package finalizer

import "runtime"

func watch(p *int) {
	runtime.SetFinalizer(p, nil) // want `finalizer: runtime.SetFinalizer`
}
