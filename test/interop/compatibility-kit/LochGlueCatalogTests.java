package org.apache.iceberg.aws.glue;

import java.util.HashMap;
import java.util.Map;
import org.apache.iceberg.catalog.CatalogTests;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Iceberg's tests of catalogs with its Java GlueCatalog over the Glue door. Settings are system properties `kit.*`. */
public class LochGlueCatalogTests extends CatalogTests<GlueCatalog> {
  private GlueCatalog catalog;

  @BeforeEach
  void open() {
    catalog = initCatalog("loch", Map.of());
    empty();
  }

  @AfterEach
  void close() throws Exception {
    empty();
    catalog.close();
  }

  private void empty() {
    for (Namespace namespace : catalog.listNamespaces()) {
      if (!namespace.equals(NS) && !namespace.toString().matches("ns|ns1|ns2|ns_1|ns_2|other_ns|a|newdb|.*kit.*")) {
        continue;
      }
      for (TableIdentifier table : catalog.listTables(namespace)) {
        catalog.dropTable(table, false);
      }
      catalog.dropNamespace(namespace);
    }
  }

  @Override
  protected GlueCatalog catalog() {
    return catalog;
  }

  @Override
  protected GlueCatalog initCatalog(String name, Map<String, String> more) {
    Map<String, String> settings = new HashMap<>();
    // What the tests expect of a catalog's defaults; the kit for REST catalogs sets the same.
    settings.put("table-default.default-key1", "catalog-default-key1");
    settings.put("table-default.default-key2", "catalog-default-key2");
    settings.put("table-default.override-key3", "catalog-default-key3");
    settings.put("table-override.override-key3", "catalog-override-key3");
    settings.put("table-override.override-key4", "catalog-override-key4");
    settings.putAll(more);
    for (String key : System.getProperties().stringPropertyNames()) {
      if (key.startsWith("kit.")) {
        settings.put(key.substring(4), System.getProperty(key));
      }
    }
    GlueCatalog made = new GlueCatalog();
    made.initialize(name, settings);
    return made;
  }

  @Override
  protected boolean requiresNamespaceCreate() {
    return true;
  }

  @Override
  protected boolean supportsNestedNamespaces() {
    return false;
  }

  @Override
  protected boolean supportsNamesWithSlashes() {
    return false;
  }

  @Override
  protected boolean supportsNamesWithDot() {
    return false;
  }

  @Override
  protected String baseTableLocation(TableIdentifier table) {
    return "s3://curated/glue-kit/" + table.namespace() + "/" + table.name();
  }
}
