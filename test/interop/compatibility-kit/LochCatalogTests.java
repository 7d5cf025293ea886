package org.apache.iceberg.rest;

import org.apache.iceberg.catalog.TableIdentifier;

/** The kit's tests of tables. Its own locations lie on the tester's disk, where no server can see them. */
public class LochCatalogTests extends RESTCompatibilityKitCatalogTests {
  @Override
  protected String baseTableLocation(TableIdentifier table) {
    return "s3://curated/kit/" + table.namespace() + "/" + table.name();
  }
}
