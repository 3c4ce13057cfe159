/* The folder that a run writes into: making it, clearing away what an earlier run left, and the names of its files. */
#ifndef CORE_TRACE_RUN_FOLDER_H
#define CORE_TRACE_RUN_FOLDER_H

#include <glib.h>
#include <stdbool.h>

enum { RUN_FOLDER_WORD = 100 }; /* bytes that a node or a network gets in a file's name, at most */

/* Makes the folder, and those above it, if need be. False with the reason when it can't be made or written.
 *
 * What an earlier run left there and this one might not write again would mislead: it is removed. What counts as left
 * by a run is told by a report.json of ours (an object with "format": 1, a "scenario" and a list of "files") and
 * nothing else: the captures it lists that lie in the folder itself and are called *.pcap or all.pcapng, then
 * journal.jsonl, ladder.svg, topology.svg, report.html and at last report.json. Nothing that a user put there is touched; without such a report
 * nothing is. */
bool run_folder_open(const char *path, GError **error);

/* Appends a node's or network's name as a part of a file name. Letters and digits of any script and . _ - + stay, every
 * other character, and a dot in front, becomes '_'; cut to RUN_FOLDER_WORD bytes at the end of a character. Never
 * empty. */
void run_folder_word(const char *name, GString *out);

#endif
