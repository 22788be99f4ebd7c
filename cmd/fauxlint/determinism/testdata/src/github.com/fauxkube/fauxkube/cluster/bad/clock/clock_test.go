package clock

import "time"

// Tests may look at the host's clock.
var started = time.Now()
