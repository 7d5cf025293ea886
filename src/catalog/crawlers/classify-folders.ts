/** CLASSIFYING: what each folder's objects are, by a bounded sample of them. Folders that have a finding are passed over. */
import type { CatalogObjects } from '../databases/parts.ts';
import { type Classified, refusalText } from './classified.ts';
import { classifyFile, type CustomClassifiers } from './classify-file.ts';
import { type Crawl, type CrawlerParts, checkGoing, placeOf } from './crawler-parts.ts';
import type { Folder, FolderFinding } from './folder.ts';
import { savedFolders } from './list-folders.ts';
import { namedClassifiers } from './keep-classifiers.ts';
import { isSimilar, mergeClassified } from './similar.ts';
import crawlerStore from './store.ts';

const AT_ONCE = 6;
const SAVE_EVERY = 60;
/** The share of a folder's samples that must be alike for it to be one table. */
const ALIKE = 0.7;
/** How many files of a mixed folder become tables of their own. */
const MOST_FILES = 200;

interface Seen {
  readonly key: string;
  readonly size: number;
  readonly classified: Classified;
}

interface FolderVerdict {
  readonly finding: FolderFinding;
  readonly bytesRead: number;
  readonly messages: readonly string[];
}

/** Groups what is similar, the largest group first. */
function clusters(seen: readonly Seen[]): { readonly classified: Classified; readonly members: readonly Seen[] }[] {
  const found: { classified: Classified; members: Seen[] }[] = [];
  for (const file of seen) {
    const home = found.find((cluster) => isSimilar(cluster.classified, file.classified));
    if (home === undefined) found.push({ classified: file.classified, members: [file] });
    else {
      home.classified = mergeClassified(home.classified, file.classified);
      home.members.push(file);
    }
  }
  return found.sort((a, b) => b.members.length - a.members.length);
}

class FolderClassifier {
  readonly #objects: CatalogObjects;
  readonly #bucket: string;
  readonly #custom: CustomClassifiers;
  readonly messages: string[] = [];
  bytesRead = 0;

  constructor(objects: CatalogObjects, bucket: string, custom: CustomClassifiers) {
    this.#objects = objects;
    this.#bucket = bucket;
    this.#custom = custom;
  }

  /** The files that a classifier takes; the first refusal is told with what each classifier saw. */
  async see(files: readonly { readonly key: string; readonly size: number }[]): Promise<Seen[]> {
    const seen: Seen[] = [];
    let told = false;
    for (const { key, size } of files) {
      const { verdict, bytesRead } = await classifyFile(
        this.#objects,
        { bucket: this.#bucket, key, size },
        this.#custom,
      );
      this.bytesRead += bytesRead;
      if (!('refused' in verdict)) seen.push({ key, size, classified: verdict });
      else if (!told) {
        told = true;
        this.messages.push(refusalText(key, verdict));
      }
    }
    return seen;
  }

  /** All objects of a folder, not of those below it. */
  async files(path: string): Promise<{ key: string; size: number }[]> {
    const files: { key: string; size: number }[] = [];
    let startAfter: string | undefined;
    do {
      const page = await this.#objects.list(this.#bucket, {
        prefix: path,
        delimiter: '/',
        maxKeys: 1000,
        ...(startAfter === undefined ? {} : { startAfter }),
      });
      for (const { key, size } of page.objects) {
        const name = key.slice(path.length);
        if (size > 0 && !name.includes('/') && !/^[_.]/.test(name)) files.push({ key, size });
      }
      startAfter = page.next;
    } while (startAfter !== undefined && files.length <= MOST_FILES);
    return files;
  }
}

async function classifyFolder(
  objects: CatalogObjects,
  bucket: string,
  folder: Folder,
  custom: CustomClassifiers,
): Promise<FolderVerdict> {
  const classifier = new FolderClassifier(objects, bucket, custom);
  const refused: string[] = [];
  const seen: Seen[] = [];
  for (const [extension, group] of Object.entries(folder.byExtension)) {
    const taken = await classifier.see(group.samples);
    if (taken.length === 0) refused.push(extension);
    seen.push(...taken);
  }
  const finding = await findingOf(classifier, folder, seen, refused);
  return { finding, bytesRead: classifier.bytesRead, messages: classifier.messages };
}

async function findingOf(
  classifier: FolderClassifier,
  folder: Folder,
  seen: readonly Seen[],
  refused: readonly string[],
): Promise<FolderFinding> {
  if (seen.length === 0) return { kind: 'nothing' };
  if (!folder.path.endsWith('/') && folder.path !== '') return { kind: 'files', files: seen };
  const [largest, ...others] = clusters(seen);
  if (others.length === 0) return { kind: 'one', classified: largest!.classified, refused };
  const odd = others.flatMap((cluster) => cluster.members.map((member) => member.key));
  if (largest!.members.length >= seen.length * ALIKE) {
    classifier.messages.push(`${folder.path} is one table though ${odd.join(', ')} differ from the rest.`);
    return { kind: 'one', classified: largest!.classified, refused };
  }
  const files = await classifier.files(folder.path);
  if (files.length > MOST_FILES) {
    classifier.messages.push(
      `${folder.path} holds more than ${MOST_FILES} files that are not alike (${odd.slice(0, 3).join(', ')} …). Sort them into a folder for each table.`,
    );
    return { kind: 'nothing' };
  }
  return { kind: 'files', files: await classifier.see(files) };
}

/** Classifies the folders of a run, a few at a time, saving as it goes. */
export async function classifyFolders(parts: CrawlerParts, crawl: Crawl): Promise<void> {
  const { definition, run } = crawl.stored;
  const folders = await savedFolders(parts, run.id);
  const described = folders.filter((folder) => folder.kind !== 'data').map((folder) => folder.path);
  const inside = (path: string) => described.some((root) => path.startsWith(root));
  const open = folders.filter((folder) => folder.finding === undefined && !inside(folder.path));
  const named = await namedClassifiers(parts, definition.classifiers ?? []);
  const custom: CustomClassifiers = { classifiers: named.classifiers, matcher: parts.matcher };
  let unsaved: { target: number; path: string; finding: FolderFinding }[] = [];
  let bytesRead = 0;
  let messages: string[] = named.missing.map((name) => `The classifier \`${name}\` does not exist; it was left out.`);
  const save = async () => {
    if (unsaved.length === 0 && messages.length === 0) return;
    const findings = unsaved;
    unsaved = [];
    const args = { id: run.id, findings, bytesRead, messages };
    bytesRead = 0;
    messages = [];
    await parts.store.write(crawlerStore.procedures.saveFindings, args);
  };
  let next = 0;
  const work = async () => {
    while (next < open.length) {
      checkGoing(crawl);
      const folder = open[next++]!;
      const { bucket } = placeOf(definition.targets[folder.target]!);
      const verdict = await classifyFolder(parts.objects, bucket, folder, custom);
      unsaved.push({ target: folder.target, path: folder.path, finding: verdict.finding });
      bytesRead += verdict.bytesRead;
      messages.push(...verdict.messages);
      if (unsaved.length >= SAVE_EVERY) await save();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await save();
}
