import { autocompletion, closeCompletion, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { sql, type SQLNamespace } from '@codemirror/lang-sql';
import { bracketMatching, defaultHighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorState, StateEffect, StateField, type Text } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef } from 'react';

/** Where the server says a statement is wrong; both counted from one. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
}

interface EditorProps {
  readonly value: string;
  readonly schema: SQLNamespace;
  readonly mistake: Mistake | undefined;
  readonly onChange: (value: string) => void;
  readonly onRun: () => void;
}

const showMistake = StateEffect.define<Mistake | undefined>();

/** The mark under a mistake; it goes with the next change of the text. */
const mistakeField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    const told = transaction.effects.find((effect) => effect.is(showMistake));
    if (told !== undefined) return markOf(transaction.state.doc, told.value);
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Marks the word at the place, or the one character there. */
function markOf(doc: Text, mistake: Mistake | undefined): DecorationSet {
  if (mistake === undefined || mistake.line > doc.lines) return Decoration.none;
  const line = doc.line(mistake.line);
  const from = Math.min(line.from + mistake.column - 1, line.to);
  const word = /^\w+/.exec(line.text.slice(from - line.from))?.[0].length ?? 1;
  const to = Math.min(from + word, line.to);
  return from < to ? Decoration.set([Decoration.mark({ class: 'cm-mistake' }).range(from, to)]) : Decoration.none;
}

/** The SQL editor: completes tables and columns, runs on Ctrl-Enter, marks where a statement is wrong. Tab leaves it after Escape. */
export function SqlEditor({ value, schema, mistake, onChange, onRun }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const handlers = useRef({ onChange, onRun });
  handlers.current = { onChange, onRun };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once per schema; it owns the text in between.
  useEffect(() => {
    const editor = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: view.current?.state.doc ?? value,
        extensions: [
          lineNumbers(),
          history(),
          bracketMatching(),
          autocompletion(),
          syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
          sql({ schema, upperCaseKeywords: true }),
          mistakeField,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'SQL statement' }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) handlers.current.onChange(update.state.doc.toString());
          }),
          keymap.of([
            {
              key: 'Mod-Enter',
              run: (target) => {
                closeCompletion(target);
                handlers.current.onRun();
                return true;
              },
            },
            ...completionKeymap,
            ...defaultKeymap,
            ...historyKeymap,
            indentWithTab,
          ]),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [schema]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: an editor made anew for another schema is told again.
  useEffect(() => {
    view.current?.dispatch({ effects: showMistake.of(mistake) });
  }, [mistake, schema]);

  return <div className="editor" ref={host} />;
}
