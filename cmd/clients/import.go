package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
)

// importCommand makes the clients of a list by the API of a service.
type importCommand struct {
	File    string `arg:"" help:"The list: XML, as <clients><client>…, or JSON, as [{\"client\":{…}}, …]; UTF-8."`
	URL     string `name:"url" env:"CLIENTS_IMPORT_URL" default:"http://127.0.0.1:8080" help:"Where the API is."`
	Login   string `name:"login" env:"CLIENTS_IMPORT_LOGIN" placeholder:"USER:PASSWORD" help:"Who the clients are made by, in whose account. Better told by the variable: the command line is for everybody to see."`
	Journal string `name:"journal" help:"File that notes which client of the list has become which; next to the list, as <list>.imported, by default."`
	Callers int    `name:"callers" default:"8" help:"How many requests are under way at once."`
}

// Help says what the short help leaves out.
func (c *importCommand) Help() string {
	return "Each client of the list is made by a command of its own: the service gives it a new id, and times of its own. The " +
		"journal notes the old id and the new one, an object a line. What the service refuses is told with its line in the list, and the rest " +
		"goes on. Run it again after it was interrupted: what the journal has is left out, and what was just under way is not made twice (within " +
		"24 hours, by its Idempotency-Key). Exit code 0: all are there. 1: some are not. 2: a wrong setting."
}

// Run imports.
func (c *importCommand) Run(ctx context.Context, s streams) error {
	if faults := c.check(); faults != nil {
		return faults
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	name := hex.EncodeToString(hash.Sum(nil))[:32]
	journal, err := openJournal(c.Journal, name)
	if err != nil {
		return err
	}
	defer journal.close()
	i := &importer{command: c, list: name, journal: journal, out: s.out, bar: newProgress(s.err, uint64(size), inBytes)}
	err = i.run(ctx, file)
	i.bar.clear()
	fmt.Fprintf(s.err, "%d clients made, %d were there from before, %d refused.\n", i.made, i.known, i.refused)
	if err != nil {
		return fmt.Errorf("import: %w; run it again to go on", err)
	}
	if i.refused > 0 {
		return fmt.Errorf("import: %d clients were refused", i.refused)
	}
	return nil
}

func (c *importCommand) check() error {
	var faults settingFaults
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		faults = append(faults, "--url (CLIENTS_IMPORT_URL) is not the URL of a service, as http://127.0.0.1:8080")
	}
	if c.Login != "" && !strings.Contains(c.Login, ":") {
		faults = append(faults, "--login (CLIENTS_IMPORT_LOGIN) is not <user>:<password>")
	}
	if c.Callers < 1 || c.Callers > 64 {
		faults = append(faults, "--callers must be 1 to 64")
	}
	if c.Journal == "" {
		c.Journal = c.File + ".imported"
	}
	if faults != nil {
		return faults
	}
	return nil
}

// importer makes the clients of one list.
type importer struct {
	command *importCommand
	list    string // names it, whatever its file is called
	journal *journal
	out     io.Writer
	bar     *progress

	mu                   sync.Mutex // of what follows, and of out and bar
	made, known, refused int
}

// run sends the clients of the list, some at once, until all are sent or nobody answers any more.
func (i *importer) run(ctx context.Context, list io.Reader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	items := make(chan listedClient)
	var callers sync.WaitGroup
	for range i.command.Callers {
		callers.Go(func() {
			for item := range items {
				if err := i.make(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := readList(list, func(item listedClient) error {
		i.mu.Lock()
		i.bar.reach(uint64(item.offset))
		i.mu.Unlock()
		if i.journal.has(item.position) {
			i.known++
			return nil
		}
		select {
		case items <- item:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(items)
	callers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// make has the service make a client, and notes it.
func (i *importer) make(ctx context.Context, item listedClient) error {
	id, refusal, err := i.post(ctx, item)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if refusal != "" {
		i.refused++
		i.bar.clear()
		_, err := fmt.Fprintf(i.out, "line %d: %s\n", item.line, printable(refusal))
		return err
	}
	i.made++
	return i.journal.note(item, id)
}
