/** The tests of the compatibility kit that do not hold against Loch, by the reason why. The reference page tells them. */
export const CANNOT_HOLD: Readonly<Record<string, readonly string[]>> = {
  'They append files named `/path/to/data-a.parquet`. A snapshot names files of its table’s own folder alone here: a forged manifest would open the files of other tables.':
    [
      'CatalogTests > testAppend',
      'CatalogTests > testCatalogWithCustomMetricsReporter',
      'CatalogTests > testCompleteCreateOrReplaceTransactionCreate',
      'CatalogTests > testCompleteCreateTransaction',
      'CatalogTests > testCompleteCreateTransactionMultipleSchemas',
      'CatalogTests > testCompleteCreateTransactionV2',
      'CatalogTests > testConcurrentAppendEmptyTable',
      'CatalogTests > testConcurrentAppendNonEmptyTable',
      'CatalogTests > testConcurrentReplaceTransactionPartitionSpec',
      'CatalogTests > testConcurrentReplaceTransactionPartitionSpec2',
      'CatalogTests > testConcurrentReplaceTransactionPartitionSpecConflict',
      'CatalogTests > testConcurrentReplaceTransactionSchema',
      'CatalogTests > testConcurrentReplaceTransactionSchema2',
      'CatalogTests > testConcurrentReplaceTransactionSchemaConflict',
      'CatalogTests > testConcurrentReplaceTransactionSortOrder',
      'CatalogTests > testConcurrentReplaceTransactionSortOrderConflict',
      'CatalogTests > testConcurrentReplaceTransactions',
      'CatalogTests > testCreateOrReplaceReplaceTransactionReplace',
      'CatalogTests > testCreateOrReplaceTransactionCreate',
      'CatalogTests > testCreateTransaction',
      'CatalogTests > testRegisterTable',
      'CatalogTests > testRemoveUnusedSchemas > [1] true',
      'CatalogTests > testRemoveUnusedSchemas > [2] false',
      'CatalogTests > testRemoveUnusedSpec > [1] true',
      'CatalogTests > testRemoveUnusedSpec > [2] false',
      'CatalogTests > testReplaceTableKeepsSnapshotLog',
      'CatalogTests > testReplaceTransaction',
    ],
  'A table or view does not move to another location by a commit: what it is lent and granted hangs on its folder.': [
    'CatalogTests > testCompleteCreateOrReplaceTransactionReplace',
    'CatalogTests > testCompleteReplaceTransaction',
    'ViewCatalogTests > createAndReplaceViewWithLocation',
    'ViewCatalogTests > updateViewLocation',
  ],
  'Tables are made in format version 2.': [
    'CatalogTests > createTableTransaction > [1] 1',
    'CatalogTests > createTableTransaction > [3] 3',
    'CatalogTests > replaceTableTransaction > [1] 1',
    'CatalogTests > testCreateTableWithDefaultColumnValue',
  ],
  'Metadata of views lie below the view; `write.metadata.path` moves those of tables alone.': [
    'ViewCatalogTests > createViewWithCustomMetadataLocation',
  ],
  'Credentials end with the name they were lent for: who holds a table of an old name loads it by the new one.': [
    'CatalogTests > dropAfterRenameDoesntCorruptTable',
  ],
  'It moves a metadata file on the disk of the tester, where those of a server do not lie.': [
    'CatalogTests > testLoadTableWithMissingMetadataFile',
  ],
};
