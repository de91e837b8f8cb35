package login

import (
	"context"
	"log/slog"
	"maps"
	"time"
)

// watchEvery is how often the folder is looked at: a user who was taken out is out within seconds.
const watchEvery = time.Second

// Watch keeps a guard's users as the folder has them, until ctx ends. While the folder has faults the users stay as they
// are, which is logged whenever the faults change.
func (g *Guard) Watch(ctx context.Context, dir string, log *slog.Logger) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		users, faults := read(dir)
		if faults != nil {
			if faults.Error() != told {
				told = faults.Error()
				log.Error("the folder of users has faults: the users stay as they were", "dir", dir, "faults", []string(faults))
			}
			continue
		}
		told = ""
		if maps.Equal(users.byName, g.users.Load().byName) {
			continue
		}
		if err := users.makeDummy(); err != nil {
			log.Error("the users stay as they were", "error", err)
			continue
		}
		g.Replace(users)
		log.Info("the users have changed", "users", len(users.byName))
	}
}
